# Environment of every tonno process; sourced by ./tonno and ./test.
# glibc returns large blocks to the system at each free and faults them in again at the next batch: told to keep them, a
# ResNet-18 at batch 32 encodes 2.5 to 3 times as many slices a second.
export MALLOC_ARENA_MAX=1 MALLOC_MMAP_THRESHOLD_=4294967296 MALLOC_TRIM_THRESHOLD_=8589934592
# One thread in each encoder, and one encoder for each core: torch's own threads collapse where cores are shared.
export OMP_NUM_THREADS=1
export DOTNET_NOLOGO=1 DOTNET_CLI_TELEMETRY_OPTOUT=1

require_dotnet() {
  if ! command -v dotnet >/dev/null 2>&1; then
    echo 'setup.dotnet_missing: the .NET 10 SDK is needed and dotnet is not on the PATH; install it and try again.' >&2
    exit 2
  fi
}
