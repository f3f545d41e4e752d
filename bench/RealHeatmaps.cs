using ToNNO.Contracts;
using ToNNO.Encoders;
using ToNNO.SliceActors;
using ToNNO.SliceActors.Encoding;
using ToNNO.Tomography.Backprojection;
using ToNNO.Tomography.Filtering;
using ToNNO.Tomography.Lifting;
using ToNNO.Tomography.Sampling;
using ToNNO.Tonno.Evaluation;

namespace ToNNO.Bench;

/// <summary>Scores every method on a patient, all with the same encoder, by the pure parts of a run.</summary>
/// <param name="SpacingMm">Distance between slices.</param>
internal sealed record RealHeatmaps(int Directions, double SpacingMm, double PixelMm)
{
    /// <summary>Exponents of the filter for logits.</summary>
    public static IReadOnlyList<double> Alphas { get; } = [0, 0.5, 1, 1.5, 2];

    /// <summary>Exponents for maps.</summary>
    public static IReadOnlyList<double> CamAlphas { get; } = [0.5, 1, 2];

    public static IReadOnlyList<double> RadiiMm { get; } = [.. Enumerable.Range(2, 31).Select(step => 2.5 * step)];

    /// <summary>Ranges of brightness from dark (0) to bright (1), open above in the last of each lower edge.</summary>
    public static IReadOnlyList<(double Low, double High)> Bands { get; } =
        [.. Enumerable.Range(1, 18).SelectMany(low => Enumerable.Range(low + 1, 20 - low).Select(high => (low / 20.0, high == 20 ? double.PositiveInfinity : high / 20.0)))];

    /// <summary>The methods by name, each with the choices that a rule is chosen from.</summary>
    public static IReadOnlyDictionary<string, IReadOnlyList<string>> Methods { get; } = new Dictionary<string, IReadOnlyList<string>>
    {
        ["ToNNO"] = Cuts([.. Alphas.Select(alpha => FormattableString.Invariant($"alpha {alpha}, "))]),
        ["averaged CAM"] = Cuts([""]),
        ["tomographic CAM"] = Cuts([.. CamAlphas.Select(alpha => FormattableString.Invariant($"alpha {alpha}, "))]),
        ["one-axis CAM"] = Cuts([""]),
        ["three-axis CAM"] = Cuts([""]),
        ["centre blob"] = [.. RadiiMm.Select(radius => FormattableString.Invariant($"radius {radius} mm"))],
        ["intensity"] = [.. Bands.Select(band => FormattableString.Invariant($"brightness {band.Low} to {band.High}"))],
    };

    /// <summary>Scores by method.</summary>
    public Dictionary<string, RealScores> Score(RealPatient patient, ICamEncoder encoder)
    {
        var (geometry, reference) = (patient.Volume.Geometry, patient.Reference);
        var (tonno, averaged, tomographic) = Reconstruct(patient, encoder, DirectionSetKind.Rings, Directions, CamAlphas);
        RealScores Axes(DirectionSetKind axes, int count) => RealScores.OfHeatmaps([Reconstruct(patient, encoder, axes, count, []).Averaged], reference);
        var blob = CentreBlob.Of(geometry);
        return new()
        {
            ["ToNNO"] = RealScores.OfHeatmaps(tonno, reference),
            ["averaged CAM"] = RealScores.OfHeatmaps([averaged], reference),
            ["tomographic CAM"] = RealScores.OfHeatmaps(tomographic, reference),
            ["one-axis CAM"] = Axes(DirectionSetKind.Axial, 1),
            ["three-axis CAM"] = Axes(DirectionSetKind.ThreeAxes, 3),
            ["centre blob"] = RealScores.OfMasks([.. RadiiMm.Select(radius => Dice.Above(blob, CentreBlob.BoundOf(geometry, radius), reference))]),
            ["intensity"] = RealScores.OfMasks([.. Bands.Select(band => Dice.Of(Band(patient, band), reference))]),
        };
    }

    private static string[] Cuts(string[] filters) =>
        [.. filters.SelectMany(filter => RealScores.Shares.Select(share => FormattableString.Invariant($"{filter}{100 * share:0.#} % of the peak")))];

    private static byte[] Band(RealPatient patient, (double Low, double High) band) => Array.ConvertAll(
        patient.Volume.Samples.AsFloats().ToArray(), intensity => Brightness(patient, intensity) is var bright && bright >= band.Low && bright < band.High ? (byte)1 : (byte)0);

    private static double Brightness(RealPatient patient, float intensity)
    {
        var map = patient.Intensity;
        return (map.Apply(intensity) - map.PixelLow) / (double)(map.PixelHigh - map.PixelLow);
    }

    /// <summary>Heatmaps of logits by α, of maps unfiltered, and of maps by α.</summary>
    private (float[][] Tonno, float[] Averaged, float[][] Tomographic) Reconstruct(
        RealPatient patient, ICamEncoder encoder, DirectionSetKind set, int directions, IReadOnlyList<double> camAlphas)
    {
        var geometry = patient.Volume.Geometry;
        var task = new VolumeTask
        {
            RunId = new RunId("bench"),
            VolumeId = new VolumeId("bench"),
            SourceUris = [""],
            SourceSha256 = "",
            Geometry = geometry,
            Settings = new RunSettings
            {
                Model = "",
                ModelSha256 = "",
                Set = set,
                Directions = directions,
                SpacingMm = SpacingMm,
                PixelMm = PixelMm,
                Alpha = 1,
                Window = FilterWindow.Hann,
                Intensities = [patient.Intensity],
                Cam = new CamSettings(CamMethod.Averaged, MapKind.GradCam, encoder.CamLayers[0], CellPixels: 1),
            },
            LeaseDirections = Backprojector.BlockSize,
            SlabCount = 1,
        };
        var plan = task.Plan();
        ProfileFilter Filter(double alpha) => ProfileFilter.Create(alpha, FilterWindow.Hann, plan.SpacingMm, plan.OffsetCount);
        var filters = camAlphas.Select(Filter).ToList();
        var (averaged, tomographic) = (new float[geometry.Shape.VoxelCount], filters.ConvertAll(_ => new float[geometry.Shape.VoxelCount]));
        var (logits, blank) = (new float[plan.Directions.Count * plan.OffsetCount], 0f);
        var slices = new LeaseEncoder(new SliceOptions().BatchPixels);
        foreach (var lease in task.Leases())
        {
            var encoded = slices.Encode(task, [patient.Volume], lease, null, encoder, TimeSpan.Zero, CancellationToken.None);
            encoded.Rows.Logits.CopyTo(logits, lease.First * plan.OffsetCount);
            blank = encoded.Rows.BlankLogits[0]; // the same of each
            foreach (var stack in encoded.Stacks)
            {
                var weight = plan.Directions.Weights[stack.Direction];
                MapField.Of(stack.Maps, stack.Grid, plan, stack.Direction).AddTo(averaged, geometry, 0, weight);
                for (var at = 0; at < filters.Count; at++)
                {
                    MapField.Filtered(stack.Maps, stack.Blank, stack.Grid, plan, stack.Direction, filters[at]).AddTo(tomographic[at], geometry, 0, weight);
                }
            }
        }

        float[][] tonno = camAlphas.Count == 0 ? [] : [.. Alphas.Select(alpha => Backprojector.Reconstruct(logits, blank, geometry, plan, Filter(alpha)))];
        return (tonno, averaged, [.. tomographic]);
    }
}
