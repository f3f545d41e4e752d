using ToNNO.Imaging.Nifti;
using ToNNO.Tomography.Filtering;
using ToNNO.Tomography.Sampling;

namespace ToNNO.Imaging.Sinograms;

/// <summary>An encoder's logits for the planes of a volume, and all that it takes to make heatmaps of them again, bit for bit.</summary>
public sealed record Sinogram
{
    /// <summary>Names of the K classes.</summary>
    public required IReadOnlyList<string> Classes { get; init; }

    /// <summary>Logits <c>[class, direction, offset]</c>.</summary>
    public required float[] Logits { get; init; }

    /// <summary>The encoder's answer to a slice of fill, by class.</summary>
    public required float[] BlankLogits { get; init; }

    /// <summary>By <c>[direction, offset]</c>: false where logits were taken from neighbouring directions.</summary>
    public required bool[] Measured { get; init; }

    /// <summary>The planes.</summary>
    public required SamplingPlan Plan { get; init; }

    /// <summary>The volume's grid.</summary>
    public required NiftiHeader Header { get; init; }

    /// <summary>Exponent of the filter that the run used.</summary>
    public required double Alpha { get; init; }

    /// <summary>Window of the filter that the run used.</summary>
    public required FilterWindow Window { get; init; }

    /// <summary>Directions that were summed before they were added to the heatmap, from the first on: part of what fixes its bytes.</summary>
    public required int BlockDirections { get; init; }

    /// <summary>Logits <c>[direction, offset]</c> of one class.</summary>
    public ReadOnlyMemory<float> LogitsOf(int classIndex)
    {
        var planes = Plan.Directions.Count * Plan.OffsetCount;
        return Logits.AsMemory(classIndex * planes, planes);
    }
}
