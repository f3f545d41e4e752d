using System.Globalization;
using ToNNO.Coordinator.Api;
using ToNNO.Encoders.Models;
using ToNNO.Encoders.Networks;
using ToNNO.Storage;
using ToNNO.Tomography.Geometry;

namespace ToNNO.Bench;

/// <summary>What the runs of a soak are to do, and the heatmaps that a single process makes of the same.</summary>
internal sealed class SoakOrders(BenchFolder folder)
{
    private const string Reference = "reference";

    /// <summary>Of every run: some leases a volume, and a second or so of work.</summary>
    private const int Directions = 96;

    private const int SpacingMm = 4;

    private readonly List<string> _hashes = [];

    /// <summary>Volumes of a run.</summary>
    public static int Volumes => SampleVolumes.Count;

    private string Model => folder["model"];

    /// <summary>SHA-256 of the heatmap of a run's volume.</summary>
    public string HashOf(int at) => _hashes[at];

    public async Task MakeReferenceAsync()
    {
        var architecture = new SmallCnnArchitecture { Layers = [new ConvLayer { Channels = 8 }, new ConvLayer { Channels = 8 }], Pooling = PixelPooling.Mean };
        using (var network = new SmallCnn(architecture, seed: 1))
        {
            // A window of uptake values, SUV.
            ModelFolder.Save(Model, BenchModel.Metadata(architecture, EncoderPrecision.Fp32) with { Intensities = [new IntensityMap(0, 10, 0)] }, network);
        }

        SampleVolumes.Copy(folder[Reference], Reference, Volumes);
        var spacing = SpacingMm.ToString(CultureInfo.InvariantCulture);
        var (code, said) = await BenchProcess.TonnoAsync(
            new Dictionary<string, string>(),
            "run", "-i", folder[Reference], "-m", Model, "-o", folder["single"], "-q", "--directions", $"{Directions}", "--spacing", spacing, "--pixel", spacing);
        if (code != 0)
        {
            throw new InvalidOperationException($"The run in one process ended with {code}:\n{said}");
        }

        var store = new LocalFolderStore(folder["single"]);
        for (var at = 0; at < Volumes; at++)
        {
            var hash = await BenchResults.HeatmapHashAsync(store, SampleVolumes.IdOf(Reference, at));
            _hashes.Add(hash.Length > 0 ? hash : throw new InvalidOperationException($"The run in one process left no heatmap of volume {at}."));
        }
    }

    /// <summary>A run over copies of the volumes.</summary>
    public RunOrder Make(string run)
    {
        var sources = folder[$"sources/{run}"];
        SampleVolumes.Copy(sources, run, Volumes);
        return new RunOrder { RunId = run, Sources = [sources], Model = Model, Directions = Directions, SpacingMm = SpacingMm, PixelMm = SpacingMm };
    }
}
