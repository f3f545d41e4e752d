using ToNNO.Tests.Support;
using ToNNO.Tomography.Geometry;

namespace ToNNO.Tonno.Tests.Exporting;

/// <summary>A store with the results of a small archive: two DICOM series, plain and Enhanced, of a patient who is called things that are found
/// nowhere else; a NIfTI file that is named by BIDS; and a series with a gap, which was quarantined.</summary>
public sealed class ExportArchive : IAsyncLifetime
{
    public const int Columns = 12, Rows = 11, Slices = 9;
    public const string Study = "1.2.826.0.1.99887766.3";

    /// <summary>Words of the headers.</summary>
    public static readonly string[] Planted = ["Zzyzx", "Quirinius", "PID77031X", "1.2.826.0.1.99887766", "19520317", "ACC4711Q"];

    private readonly TemporaryFolder _folder = new();

    public string In => this["in"];

    public string Store => this["store"];

    public string this[string name] => _folder[name];

    /// <summary>A bright box in an oblique volume.</summary>
    private static DicomBytes Slice { get; } = new()
    {
        Columns = Columns,
        Rows = Rows,
        Orientation = (new(0.8, 0.6, 0), new(-0.6, 0.8, 0)),
        PatientName = "Zzyzx^Quirinius",
        Pixel = at => (ushort)(at % 12 is > 4 and < 8 && at / 12 % 11 is > 3 and < 7 && at / 132 is > 2 and < 6 ? 1600 : 1024),
        Others = new Dictionary<uint, DicomAttribute?>
        {
            [0x0008_0020] = new(0, "DA", "20260102"),
            [0x0008_0050] = new(0, "SH", "ACC4711Q"),
            [0x0010_0020] = new(0, "LO", "PID77031X"),
            [0x0010_0030] = new(0, "DA", "19520317"),
            [0x0020_000D] = new(0, "UI", Study),
            [0x0020_0052] = new(0, "UI", "1.2.826.0.1.99887766.4"),
        },
    };

    public async ValueTask InitializeAsync()
    {
        WriteSeries("ct", 1, Slice);
        Write("enhanced/image", [.. Named(Slice with { Series = "1.2.826.0.1.99887766.1.2", SopClass = DicomBytes.EnhancedCtClass, FramePositions = [.. Enumerable.Range(0, Slices).Select(k => new Vector3D(0, 0, 8 - k))] }, "1.2.826.0.1.99887766.2.2").ToArray()]);
        WriteSeries("gap", 3, Slice, skip: 4);
        Write("anat/sub-01_T1w.nii", new NiftiBytes { Shape = new(9, 8, 7), Intensity = (i, j, k) => i is > 2 and < 6 && j is > 2 and < 6 && k is > 2 and < 5 ? 1 : 0 }.Plain());
        var run = await TonnoRun.OfAsync("run", "-i", In, "-m", "builtin:sum", "-o", Store, "--directions", "16", "--threshold", "50%", "-q");
        Assert.True(run.ExitCode == 3, run.ToString());
    }

    public ValueTask DisposeAsync()
    {
        _folder.Dispose();
        return ValueTask.CompletedTask;
    }

    /// <summary>All files below a folder by their paths, with their bytes.</summary>
    public static IReadOnlyDictionary<string, byte[]> Files(string folder) => Directory.Exists(folder)
        ? Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories).ToDictionary(file => Path.GetRelativePath(folder, file), File.ReadAllBytes)
        : new Dictionary<string, byte[]>();

    /// <summary>Writes a series of files.</summary>
    internal void WriteSeries(string name, int number, DicomBytes? slice = null, int? skip = null)
    {
        var series = (slice ?? Slice) with { Series = $"1.2.826.0.1.99887766.1.{number}" };
        foreach (var (k, one) in series.Stack(Slices).Index().Where(one => one.Index != skip))
        {
            Write($"{name}/{k:D2}", Named(one, $"1.2.826.0.1.99887766.2.{number}.{k}").ToArray());
        }
    }

    private static DicomBytes Named(DicomBytes file, string instance) =>
        file with { Others = new Dictionary<uint, DicomAttribute?>(file.Others) { [0x0008_0018] = new(0, "UI", instance) } };

    private void Write(string name, byte[] content)
    {
        var path = Path.Combine(In, name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllBytes(path, content);
    }
}
