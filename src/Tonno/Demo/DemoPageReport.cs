using ToNNO.Tomography.Geometry;

namespace ToNNO.Tonno.Demo;

/// <summary>What the demonstration did and found, as its page tells it.</summary>
/// <param name="Title">Heading of the page.</param>
/// <param name="Introduction">Sentences about this data and this run, one paragraph each.</param>
/// <param name="EncoderFacts">The network and its training.</param>
/// <param name="Settings">The transform's settings.</param>
/// <param name="Cases">In the order of the table.</param>
/// <param name="Means">Over all cases.</param>
public sealed record DemoReport(
    string Title,
    IReadOnlyList<string> Introduction,
    IReadOnlyList<DemoFact> EncoderFacts,
    IReadOnlyList<DemoFact> Settings,
    IReadOnlyList<DemoCase> Cases,
    DemoMeans Means);

public sealed record DemoFact(string Name, string Value);

/// <summary>One volume and how well its heatmap found the reference.</summary>
/// <param name="Id">Name of the case.</param>
/// <param name="Dice">At the threshold that was fixed beforehand; NaN where none exists.</param>
/// <param name="OwnBestDice">At the threshold that suits this case best.</param>
/// <param name="CentreBlobDice">Of a ball at the volume's centre: what one gets without looking.</param>
/// <param name="PeakInMask">Whether the heatmap's highest voxel lies in the reference.</param>
/// <param name="Duration">From volume to heatmap.</param>
public sealed record DemoCase(
    string Id, double Dice, double OwnBestDice, double CentreBlobDice, bool PeakInMask, TimeSpan Duration)
{
    /// <summary>The still picture.</summary>
    public required ReadOnlyMemory<byte> PreviewPng { get; init; }

    public required Volume Image { get; init; }

    /// <summary>One value per voxel of <see cref="Image"/>.</summary>
    public required ReadOnlyMemory<float> Heatmap { get; init; }

    /// <summary>One byte per voxel, 0 outside; empty where no reference exists.</summary>
    public ReadOnlyMemory<byte> ReferenceMask { get; init; }

    /// <summary>Where the viewer's threshold starts.</summary>
    public required HeatmapThreshold Threshold { get; init; }
}

/// <summary>Averages over the cases that have a value.</summary>
/// <param name="PeaksInMask">Number of cases whose peak lies in the reference.</param>
/// <param name="Cases">Number of cases.</param>
public sealed record DemoMeans(
    double Dice, double OwnBestDice, double CentreBlobDice, int PeaksInMask, int Cases, TimeSpan Duration)
{
    public static DemoMeans Of(IReadOnlyList<DemoCase> cases)
    {
        ArgumentNullException.ThrowIfNull(cases);
        return new(
            Mean(cases.Select(row => row.Dice)),
            Mean(cases.Select(row => row.OwnBestDice)),
            Mean(cases.Select(row => row.CentreBlobDice)),
            cases.Count(row => row.PeakInMask),
            cases.Count,
            cases.Count == 0 ? TimeSpan.Zero : TimeSpan.FromSeconds(cases.Average(row => row.Duration.TotalSeconds)));
    }

    private static double Mean(IEnumerable<double> values) =>
        values.Where(double.IsFinite).DefaultIfEmpty(double.NaN).Average();
}
