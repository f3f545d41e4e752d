using ToNNO.Tomography.Geometry;

namespace ToNNO.Tonno.Evaluation;

/// <summary>What choosing a threshold needs to know of a heatmap and its reference, small enough to keep for each of many.</summary>
internal sealed class DiceCurve
{
    /// <summary>Steps from 0 to the peak: Dice between two of them is taken from the lower.</summary>
    public const int Steps = 400;

    private readonly float[] _dice; // at bounds peak · step / Steps

    public DiceCurve(RankedVoxels voxels)
    {
        Peak = voxels.Peak;
        (OwnBest, OwnBestBound) = voxels.BestDice();
        _dice = new float[Steps + 1];
        for (var step = 0; step <= Steps && Peak > 0; step++)
        {
            _dice[step] = (float)voxels.Dice(Peak * ((double)step / Steps));
        }
    }

    public double Peak { get; }

    /// <summary>The highest Dice of any bound.</summary>
    public double OwnBest { get; }

    /// <summary>The bound that gives it.</summary>
    public double OwnBestBound { get; }

    /// <summary>Dice at about a threshold: for choosing, not for scores.</summary>
    public double At(HeatmapThreshold threshold) =>
        Peak > 0 && threshold.For(Peak) is var bound && bound <= Peak ? _dice[(int)(Math.Max(0, bound) / Peak * Steps)] : 0;
}
