using System.Globalization;

namespace ToNNO.Bench;

/// <summary>A folder for what a benchmark writes; it goes when the benchmark ends.</summary>
/// <param name="inMemory">True for a file system that needs no disk, where there is one.</param>
internal sealed class BenchFolder(bool inMemory = false) : IDisposable
{
    private const string MemoryFolder = "/dev/shm";

    private readonly string _path = inMemory && Directory.Exists(MemoryFolder)
        ? Directory.CreateDirectory(Path.Combine(MemoryFolder, $"tonno-bench-{Guid.NewGuid():N}")).FullName
        : Directory.CreateTempSubdirectory("tonno-bench-").FullName;
    private int _made;

    public string this[string name] => Path.Combine(_path, name);

    /// <summary>A name that nothing bears yet.</summary>
    public string New() => this[(++_made).ToString(CultureInfo.InvariantCulture)];

    public void Dispose() => Directory.Delete(_path, recursive: true);
}
