using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using ToNNO.Contracts;
using ToNNO.Tests.Support;

namespace ToNNO.Cluster.Tests;

/// <summary>A folder of inputs and one of results.</summary>
internal sealed class Workplace : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private readonly TemporaryFolder _folder = new();

    public string In => _folder["in"];

    public string Out => _folder["out"];

    public string this[string path] => _folder[path];

    public void Dispose() => _folder.Dispose();

    public string Write(string name, byte[] content)
    {
        var path = Path.Combine(In, name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllBytes(path, content);
        return path;
    }

    /// <summary>A volume with a box somewhere that <paramref name="seed"/> decides.</summary>
    public static NiftiBytes Volume(int seed, int edge = 14)
    {
        var at = 2 + (seed % (edge - 6));
        return new NiftiBytes
        {
            Shape = new(edge, edge - 1, edge - 2),
            Intensity = (i, j, k) => i - at is >= 0 and < 3 && j is > 4 and < 8 && k is > 3 and < 7 ? 1 + (seed * 0.25f) : 0,
        };
    }

    public VolumeResult Result(string id) => Documents.TryParse<VolumeResult>(File.ReadAllBytes(Path.Combine(Out, id, "result.json")))!;

    public JsonNode Report() => JsonNode.Parse(File.ReadAllText(this["report.json"]))!;

    /// <summary>Ids of the volumes that are done; fails where one's files are not those that its result tells of.</summary>
    public IReadOnlyList<string> Done()
    {
        if (!Directory.Exists(Out))
        {
            return [];
        }

        var done = Directory.EnumerateDirectories(Out).Where(folder => File.Exists(Path.Combine(folder, VolumeResult.FileName))).Select(folder => Path.GetFileName(folder)).Order().ToList();
        foreach (var id in done)
        {
            foreach (var (name, facts) in Result(id).Files)
            {
                Assert.True(facts.Sha256 == HashOf(id, name), $"{id}/{name} is not the file that its result.json tells of");
            }
        }

        return done;
    }

    public IReadOnlyDictionary<string, string> HeatmapHashes() => Done().ToDictionary(id => id, id => HashOf(id, "heatmap.nii.gz"));

    /// <summary>When each file of the results was written, and which inode it is on.</summary>
    public IReadOnlyDictionary<string, (DateTime, string)> Stamps() => Directory.EnumerateFiles(Out, "*", SearchOption.AllDirectories)
        .Where(file => !file.Contains("/.tonno/", StringComparison.Ordinal))
        .ToDictionary(file => Path.GetRelativePath(Out, file), file => (File.GetLastWriteTimeUtc(file), InodeOf(file)));

    /// <summary>Returns when a condition of the world holds, or the process is gone.</summary>
    public static Task UntilAsync(Func<bool> condition, [CallerArgumentExpression(nameof(condition))] string what = "") =>
        Eventually.HoldsAsync(what, Patience, () => Task.FromResult(condition()), lookEvery: TimeSpan.FromMilliseconds(5));

    public int StoredRows() => StoredRows("");

    /// <param name="id">Of a volume; empty for all.</param>
    public int StoredRows(string id) => Directory.Exists(Path.Combine(Out, ".tonno", "tasks", id))
        ? Directory.EnumerateFiles(Path.Combine(Out, ".tonno", "tasks", id), "rows-*", new EnumerationOptions { RecurseSubdirectories = true, IgnoreInaccessible = true }).Count()
        : 0;

    /// <summary>Ids of the inputs that are files of this folder and not done.</summary>
    public IEnumerable<string> Undone() => Directory.EnumerateFiles(In).Select(file => Path.GetFileNameWithoutExtension(file)).Except(Done());

    private string HashOf(string id, string name) =>
        Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(Path.Combine(Out, id, name))));

    private static string InodeOf(string file)
    {
        using var stat = System.Diagnostics.Process.Start(new System.Diagnostics.ProcessStartInfo("stat", ["-c", "%i", file]) { RedirectStandardOutput = true })!;
        return stat.StandardOutput.ReadToEnd();
    }
}
