using System.Diagnostics;
using System.IO.Compression;
using System.Text.Json;
using Azure.Storage.Blobs;
using ToNNO.Imaging;
using ToNNO.Tests.Support;
using ToNNO.Tomography.Geometry;
using ToNNO.Tonno.Sources;

namespace ToNNO.Bench;

/// <summary>The memory that reading a volume of 1 GiB takes, from each kind of place that volumes lie in. Each is inspected and then read, as a
/// node does, by a process of its own.</summary>
/// <remarks>Memory is the most that the process had resident, beyond what it had before, over the voxels' bytes as they are held: 1 is the
/// volume alone, 2 would be the volume twice.</remarks>
internal static class ReadingBench
{
    private const string Child = "child";

    /// <summary>With samples of 16 bits twice as many slices.</summary>
    private static readonly VolumeShape _floats = new(1024, 512, 512), _integers = new(1024, 512, 1024);

    /// <param name="arguments">None; or, of a process that reads for another: what it reads.</param>
    public static object Measure(string[] arguments) => arguments is [Child, var source] ? Read(source) : MeasureAsync().GetAwaiter().GetResult();

    private static async Task<object> MeasureAsync()
    {
        using var folder = new BenchFolder();
        Write(folder);
        await using var azurite = new AzuriteServer();
        await azurite.InitializeAsync();
        var container = new BlobContainerClient(azurite.ConnectionString, AzuriteServer.NewContainer(), new BlobClientOptions(BlobClientOptions.ServiceVersion.V2025_11_05));
        await container.CreateIfNotExistsAsync();
        string[] places = ["floats.nii", "floats.nii.gz", "floats.zip", "integers.nii", "series"];
        var readings = new Dictionary<string, Reading>();
        foreach (var place in places)
        {
            readings[place] = await OfAsync(folder[place], azurite);
        }

        foreach (var blob in places[..3])
        {
            await container.GetBlobClient(blob).UploadAsync(folder[blob]);
            readings[$"azure:{blob}"] = await OfAsync($"azure://{container.Name}/{blob}", azurite);
            await container.DeleteBlobAsync(blob); // Azurite holds it in memory
        }

        return new Report(readings);
    }

    private static void Write(BenchFolder folder)
    {
        BenchVolume.Write(folder["floats.nii"], _floats, BenchVolume.Texture(_floats));
        using (var gzip = new GZipStream(File.Create(folder["floats.nii.gz"]), CompressionLevel.Fastest))
        {
            using var plain = File.OpenRead(folder["floats.nii"]);
            plain.CopyTo(gzip);
        }

        using (var zip = ZipFile.Open(folder["floats.zip"], ZipArchiveMode.Create))
        {
            zip.CreateEntryFromFile(folder["floats.nii"], "floats.nii", CompressionLevel.Fastest);
        }

        BenchVolume.Write(folder["integers.nii"], _integers, Enumerable.Range(0, (int)_integers.VoxelCount).Select(at => (short)(at % 4093)).ToArray());
        Directory.CreateDirectory(folder["series"]);
        var slices = new DicomBytes { Columns = _integers.I, Rows = _integers.J }.Stack(_integers.K);
        foreach (var (at, slice) in slices.Index())
        {
            File.WriteAllBytes(Path.Combine(folder["series"], $"{at:D4}.dcm"), slice.ToArray());
        }
    }

    private static async Task<Reading> OfAsync(string source, AzuriteServer azurite)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!, [Environment.GetCommandLineArgs()[0], "reading", Child, source]) { RedirectStandardOutput = true };
        start.Environment["AZURE_STORAGE_CONNECTION_STRING"] = azurite.ConnectionString;
        using var process = Process.Start(start)!;
        var said = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        Console.Error.WriteLine($"{Path.GetFileName(source)}: {said.Trim()}");
        return JsonSerializer.Deserialize<Reading>(said, Program.Json)!;
    }

    /// <summary>Reads the one volume of a source, in this process.</summary>
    private static Reading Read(string source)
    {
        var remote = new RemotePlaces();
        var before = Environment.WorkingSet;
        var uris = SourceListing.List([source], storeRoot: null).Inputs.Single().Uris;
        var begun = Stopwatch.GetTimestamp();
        var facts = VolumeSource.Inspect(uris, CancellationToken.None, remote);
        var inspected = Stopwatch.GetElapsedTime(begun);
        begun = Stopwatch.GetTimestamp();
        var volume = VolumeSource.Load(uris, facts.Sha256, long.MaxValue, CancellationToken.None, remote)[0];
        using var process = Process.GetCurrentProcess();
        var (loaded, peak) = (Stopwatch.GetElapsedTime(begun), process.PeakWorkingSet64);
        GC.KeepAlive(volume);
        var held = volume.Header.Shape.VoxelCount * (volume.Header.StaysInt16 ? sizeof(short) : sizeof(float));
        return new Reading(held / 1048576.0, (double)(peak - before) / held, inspected.TotalSeconds, loaded.TotalSeconds);
    }

    /// <param name="MemoryOverVolume">Memory beyond that of the process, over the volume's.</param>
    internal sealed record Reading(double VolumeMebibytes, double MemoryOverVolume, double InspectSeconds, double ReadSeconds);

    private sealed record Report(IReadOnlyDictionary<string, Reading> Places) : ICheckedReport
    {
        private const double Most = 1.25;

        public bool Whole => Places.Values.All(reading => reading.VolumeMebibytes >= 1024 && reading.MemoryOverVolume < Most);
    }
}
