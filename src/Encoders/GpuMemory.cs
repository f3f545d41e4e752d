using System.Diagnostics.Metrics;
using System.Runtime.InteropServices;

namespace ToNNO.Encoders;

/// <summary>The memory of the GPUs that this process sees, by the driver's management library; libtorch's own count is not bound.</summary>
internal static class GpuMemory
{
    private const int Success = 0;

    /// <summary>False where there is no such library, or it does not start.</summary>
    private static readonly Lazy<bool> _opened = new(() =>
    {
        try
        {
            return Init() == Success;
        }
        catch (DllNotFoundException)
        {
            return false;
        }
    });

    /// <summary>Bytes in use, by whatever process, or bytes there are; one figure a device, none without the driver.</summary>
    public static IEnumerable<Measurement<long>> Measure(bool used)
    {
        if (!_opened.Value || CountDevices(out var count) != Success)
        {
            yield break;
        }

        for (var index = 0; index < count; index++)
        {
            if (FindDevice(index, out var device) == Success && Read(device, out var memory) == Success)
            {
                yield return new((long)(used ? memory.UsedBytes : memory.TotalBytes), new KeyValuePair<string, object?>("device", $"cuda:{index}"));
            }
        }
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct Memory
    {
        public ulong TotalBytes;
        public ulong FreeBytes;
        public ulong UsedBytes;
    }

    [DllImport("libnvidia-ml.so.1", EntryPoint = "nvmlInit_v2")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Init();

    [DllImport("libnvidia-ml.so.1", EntryPoint = "nvmlDeviceGetCount_v2")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int CountDevices(out int count);

    [DllImport("libnvidia-ml.so.1", EntryPoint = "nvmlDeviceGetHandleByIndex_v2")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int FindDevice(int index, out nint device);

    [DllImport("libnvidia-ml.so.1", EntryPoint = "nvmlDeviceGetMemoryInfo")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Read(nint device, out Memory memory);
}
