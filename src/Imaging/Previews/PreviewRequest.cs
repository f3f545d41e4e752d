using ToNNO.Tomography.Geometry;

namespace ToNNO.Imaging.Previews;

/// <summary>What a preview picture shows.</summary>
/// <param name="Image">The volume that was searched.</param>
/// <param name="Heatmap">One value per voxel of <paramref name="Image"/>, in the same order; values that are not finite
/// are left uncoloured.</param>
/// <param name="Title">One line; cut where it does not fit.</param>
public sealed record PreviewRequest(Volume Image, ReadOnlyMemory<float> Heatmap, string Title)
{
    /// <summary>One byte per voxel, 0 outside; empty where no reference exists.</summary>
    public ReadOnlyMemory<byte> ReferenceMask { get; init; }

    /// <summary>Where the heatmap becomes the predicted mask; null draws no predicted outline.</summary>
    public HeatmapThreshold? Threshold { get; init; }
}
