using System.Globalization;

namespace ToNNO.Bench;

/// <summary>A folder for what a benchmark writes; it goes when the benchmark ends.</summary>
internal sealed class BenchFolder : IDisposable
{
    private readonly string _path = Directory.CreateTempSubdirectory("tonno-bench-").FullName;
    private int _made;

    public string this[string name] => Path.Combine(_path, name);

    /// <summary>A name that nothing bears yet.</summary>
    public string New() => this[(++_made).ToString(CultureInfo.InvariantCulture)];

    public void Dispose() => Directory.Delete(_path, recursive: true);
}
