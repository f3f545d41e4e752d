using ToNNO.Imaging.Sinograms;
using ToNNO.Tomography.Filtering;
using ToNNO.Tonno.Reconstruction;

namespace ToNNO.Tonno.Evaluation;

/// <summary>A way to make a heatmap of a volume that takes part in a choice.</summary>
/// <param name="Name">In words; empty where there is no other.</param>
/// <param name="Share">Of the run's directions, from the first on: 1, a half and so on.</param>
internal sealed record HeatmapVariant(string Name, double? Alpha = null, FilterWindow? Window = null, double Share = 1);

/// <summary>Heatmaps of the cases by one method, in one variant or several.</summary>
internal interface IHeatmapSource
{
    /// <summary>What the tables call it.</summary>
    string Name { get; }

    IReadOnlyList<HeatmapVariant> Variants { get; }

    /// <summary>The case's heatmap in each variant, one after the other.</summary>
    IEnumerable<float[]> Heatmaps(int caseIndex, CancellationToken cancel);

    /// <summary>The case's heatmap in one variant.</summary>
    float[] Heatmap(int caseIndex, int variant, CancellationToken cancel);
}

/// <summary>Heatmaps as their run left them.</summary>
internal sealed class StoredHeatmaps(string name, IReadOnlyList<ResultStore.StoredResult> results) : IHeatmapSource
{
    public string Name => name;

    public IReadOnlyList<HeatmapVariant> Variants { get; } = [new("")];

    public IEnumerable<float[]> Heatmaps(int caseIndex, CancellationToken cancel) => [results[caseIndex].Heatmap()];

    public float[] Heatmap(int caseIndex, int variant, CancellationToken cancel) => results[caseIndex].Heatmap();
}

/// <summary>Heatmaps made again of kept sinograms, with other filters and fewer directions: no encoder is asked.</summary>
internal sealed class SweptHeatmaps : IHeatmapSource
{
    private static readonly double[] Alphas = [0, 0.5, 1, 1.5, 2];
    private static readonly FilterWindow[] Windows = [FilterWindow.None, FilterWindow.Cosine, FilterWindow.Hann, FilterWindow.ThreePoint];
    private static readonly double[] Shares = [1, 0.5, 0.25, 0.125];

    private readonly IReadOnlyList<ResultStore.StoredResult> _results;

    public SweptHeatmaps(string name, IReadOnlyList<ResultStore.StoredResult> results)
    {
        (Name, _results) = (name, results);
        Variants = [.. from share in Shares from window in Windows from alpha in Alphas select new HeatmapVariant(FormattableString.Invariant($"α {alpha}, {window.Name()}"), alpha, window, share)];
    }

    public string Name { get; }

    public IReadOnlyList<HeatmapVariant> Variants { get; }

    public IEnumerable<float[]> Heatmaps(int caseIndex, CancellationToken cancel)
    {
        var whole = Sinogram(caseIndex);
        foreach (var share in Shares)
        {
            var part = First(whole, share);
            foreach (var variant in Variants.Where(variant => variant.Share == share))
            {
                yield return Make(part, variant, cancel);
            }
        }
    }

    public float[] Heatmap(int caseIndex, int variant, CancellationToken cancel) =>
        Make(First(Sinogram(caseIndex), Variants[variant].Share), Variants[variant], cancel);

    private static float[] Make(Sinogram sinogram, HeatmapVariant variant, CancellationToken cancel) =>
        DirectReconstruction.Reconstruct(sinogram, 0, variant.Alpha!.Value, variant.Window!.Value, _ => { }, cancel);

    /// <summary>The sinogram of the first directions, which are spread as well as any so many.</summary>
    private static Sinogram First(Sinogram whole, double share)
    {
        var directions = Math.Max(1, (int)Math.Ceiling(share * whole.Plan.Directions.Count));
        return share == 1 ? whole : whole with
        {
            Plan = whole.Plan.FirstDirections(directions),
            Logits = whole.Logits[..(directions * whole.Plan.OffsetCount)],
            Measured = whole.Measured[..(directions * whole.Plan.OffsetCount)],
        };
    }

    /// <summary>The case's logits of the class that is looked at, alone.</summary>
    private Sinogram Sinogram(int caseIndex)
    {
        var (sinogram, name) = (_results[caseIndex].Sinogram(), _results[caseIndex].Class);
        var at = sinogram.Classes.ToList().IndexOf(name);
        return sinogram with { Classes = [name], Logits = sinogram.LogitsOf(at).ToArray(), BlankLogits = [sinogram.BlankLogits[at]] };
    }
}
