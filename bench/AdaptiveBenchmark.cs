using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using ToNNO.Encoders;
using ToNNO.Imaging.Nifti;
using ToNNO.Tomography.Geometry;
using ToNNO.Tonno.Commands;
using ToNNO.Tonno.Demo;

namespace ToNNO.Bench;

/// <summary>What an adaptive run saves and what it costs: encoder calls, Dice and lesions, against all planes of 400 directions.</summary>
/// <remarks>The planner decides as in <c>tonno run --adaptive</c>; the logits of a full run stand in for encoding a plane again.
/// Dice is at each heatmap's own best bound, and at one bound as a share of the peak that holds for all volumes of a group: the
/// model's, or the one that is best for the full runs. A lesion is found where a voxel of it lies at or above the latter.</remarks>
internal static class AdaptiveBenchmark
{
    private const int Directions = 400;
    private const int SyntheticSeeds = 3;

    /// <param name="arguments">Names of the parts to measure, among pet, ms and synthetic; all where none is named.</param>
    public static object Measure(string[] arguments)
    {
        var wanted = arguments.Length == 0 ? ["pet", "ms", "synthetic"] : arguments;
        var groups = new List<object>();
        foreach (var part in wanted)
        {
            IEnumerable<AdaptiveGroup> measured = part switch
            {
                "pet" => [Pet()],
                "ms" => Ms() is { } group ? [group] : [],
                "synthetic" => Synthetic(),
                _ => throw new ArgumentException($"'{part}' is no part of this benchmark: choose among pet, ms and synthetic."),
            };
            foreach (var group in measured)
            {
                var summary = group.Summarise();
                Console.Error.WriteLine(JsonSerializer.Serialize(summary));
                groups.Add(summary);
            }
        }

        return new { directions = Directions, groups };
    }

    /// <summary>The demonstration's test patients and the model that it trains.</summary>
    private static AdaptiveGroup Pet()
    {
        var group = new AdaptiveGroup("sample PET, demo model, alpha .5", new HeatmapThreshold(0.65, OfPeak: true)); // docs/benchmarks.md, the demo
        group.Add([.. PetCases(Directions)]);
        return group;
    }

    /// <summary>The demonstration's test patients, encoded by the model that it trains.</summary>
    internal static IEnumerable<AdaptiveCase> PetCases(int directions)
    {
        var samples = SampleCases.Locate();
        var crops = LabelledVolume.Load(samples, TrainingCrop.Parse(File.ReadAllText(samples.CropsPath)));
        var trained = DemoTraining.Train(crops, seed: 0);
        var card = new EncoderCard
        {
            Name = "demo",
            Sha256 = "",
            Classes = ["tumour"],
            Intensities = [DemoTraining.Intensity],
            PixelMm = DemoTraining.PixelMm,
            SpacingMm = 4,
            Alpha = 0.5,
            Window = "hann",
        };
        using var encoder = new TorchSliceEncoder(trained.Network, card, "cpu");
        var settings = SettingsResolution.Resolve("", card, new MethodOptions { Directions = directions });
        foreach (var id in SampleCases.TestIds)
        {
            var one = OffCentreCase.Load(samples, id, seed: 1);
            yield return AdaptiveCase.Encode(one.Image, one.Reference, encoder, settings);
        }
    }

    /// <summary>A brain with multiple sclerosis; null where the shared data are not there.</summary>
    private static AdaptiveGroup? Ms()
    {
        var folder = Path.Combine(Environment.GetEnvironmentVariable("TONNO_HOME") ?? ".", "..", "shared", "data", "open-ms", "patient26");
        if (!Directory.Exists(folder))
        {
            Console.Error.WriteLine("bench.data_missing: ../shared/data/open-ms is not there, so patient26 is left out.");
            return null;
        }

        var image = NiftiReader.Read(Directory.GetFiles(folder, "FLAIR*").Single(), long.MaxValue);
        var reference = NiftiReader.Read(Directory.GetFiles(folder, "GOLD*").Single(), long.MaxValue);
        reference.Header.RequireSameGrid(image.Header, "The reference of patient26");
        var mask = Array.ConvertAll(reference.Volume.Samples.AsFloats(), value => value > 0 ? (byte)1 : (byte)0);
        using var encoder = BrightEncoder.For(image.Volume);
        var settings = SettingsResolution.Resolve("", encoder.Card, new MethodOptions { Directions = Directions });
        var group = new AdaptiveGroup("open-ms patient26 FLAIR, bright pixels, alpha 2", null);
        group.Add(AdaptiveCase.Encode(image.Volume, mask, encoder, settings));
        return group;
    }

    private static IEnumerable<AdaptiveGroup> Synthetic()
    {
        foreach (var (edge, saturation, alpha) in new[] { (96, double.PositiveInfinity, 2.0), (96, 20, 0.5), (128, double.PositiveInfinity, 2), (128, 20, 0.5) })
        {
            foreach (var count in new[] { 1, 3, 5, 10, 20 })
            {
                var score = double.IsInfinity(saturation) ? "linear" : "saturated";
                var group = new AdaptiveGroup($"{count} {(count == 1 ? "lesion" : "lesions")} in {edge}^3, {score}, alpha {alpha}", null);
                group.Add([.. Enumerable.Range(0, SyntheticSeeds).AsParallel().AsOrdered().Select(seed =>
                    SyntheticLesions.Scatter(edge, count, seed).Score(Directions, saturation, alpha))]);
                yield return group;
            }
        }
    }
}

/// <summary>An encoder that feels bright lesions: the area of a slice's bright pixels, softly counted, in mm².</summary>
/// <remarks>A pixel x counts as 1/(1 + e^{−(x − b)/w}); bound b and width w are shares of the 95th percentile of the volume's
/// positive voxels, chosen by eye. Nothing is learned, and normal tissue that is as bright counts too.</remarks>
internal sealed class BrightEncoder : ISliceEncoder
{
    private const float Bound = 1.1f;
    private const float Width = 0.03f;

    private BrightEncoder(float bright) => Card = new EncoderCard
    {
        Name = "bright",
        Sha256 = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes("bright"))),
        Classes = ["lesion"],
        Intensities = [new IntensityMap(0, 2 * bright, 0)],
        Alpha = 2,
        PixelMm = 2,
        Window = "hann",
    };

    public EncoderCard Card { get; }

    public string Device => "cpu";

    public static BrightEncoder For(Volume volume)
    {
        var positive = volume.Samples.AsFloats().Where(value => value > 0).Order().ToArray();
        return new BrightEncoder(positive[(int)(0.95 * positive.Length)]);
    }

    public void Encode(ReadOnlySpan<float> slices, int count, SliceFormat format, Span<float> logits)
    {
        var pixels = format.Size * format.Size;
        for (var slice = 0; slice < count; slice++)
        {
            var sum = 0.0;
            foreach (var pixel in slices.Slice(slice * pixels, pixels))
            {
                sum += 1 / (1 + MathF.Exp((Bound - (2 * pixel)) / Width));
            }

            logits[slice] = (float)(format.PixelMm * format.PixelMm * sum);
        }
    }

    public void Dispose()
    {
    }
}
