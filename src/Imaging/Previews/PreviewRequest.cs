using ToNNO.Tomography.Geometry;

namespace ToNNO.Imaging.Previews;

/// <summary>What a preview picture shows.</summary>
public sealed class PreviewRequest
{
    /// <param name="geometry">Grid of the volume that was searched, and of its heatmap.</param>
    /// <param name="peak">The heatmap's peak, which both glimpses were taken through.</param>
    /// <param name="image">The volume that was searched.</param>
    /// <param name="heatmap">Values that are not finite are left uncoloured.</param>
    /// <param name="title">One line; cut where it does not fit.</param>
    public PreviewRequest(VolumeGeometry geometry, HeatmapPeak peak, VolumeGlimpse image, VolumeGlimpse heatmap, string title) =>
        (Geometry, Peak, Image, Heatmap, Title) = (geometry, peak, image, heatmap, title);

    /// <summary>Volume and heatmap in memory.</summary>
    /// <param name="image">The volume that was searched.</param>
    /// <param name="heatmap">One value per voxel of <paramref name="image"/>, in the same order.</param>
    /// <param name="title">One line; cut where it does not fit.</param>
    /// <exception cref="ArgumentException">The heatmap has not one value per voxel.</exception>
    public PreviewRequest(Volume image, ReadOnlyMemory<float> heatmap, string title)
    {
        ArgumentNullException.ThrowIfNull(image);
        (Geometry, Title) = (image.Geometry, title);
        Peak = HeatmapPeak.Find(heatmap.Span, Geometry.Shape);
        Image = VolumeGlimpse.Of(image.Samples, Geometry.Shape, Peak);
        Heatmap = VolumeGlimpse.Of(heatmap.Span, Geometry.Shape, Peak);
    }

    public VolumeGeometry Geometry { get; }

    public HeatmapPeak Peak { get; }

    public VolumeGlimpse Image { get; }

    public VolumeGlimpse Heatmap { get; }

    public string Title { get; }

    /// <summary>One byte per voxel, 0 outside; empty where no reference exists.</summary>
    /// <exception cref="ArgumentException">It is neither empty nor has one byte per voxel.</exception>
    public ReadOnlyMemory<byte> ReferenceMask
    {
        init => Reference = value.IsEmpty ? null : VolumeGlimpse.Of(Array.ConvertAll(value.ToArray(), voxel => voxel == 0 ? 0f : 1f), Geometry.Shape, Peak);
    }

    /// <summary>Where the heatmap becomes the predicted mask; null draws no predicted outline.</summary>
    public HeatmapThreshold? Threshold { get; init; }

    /// <summary>The reference mask, 0 and 1.</summary>
    internal VolumeGlimpse? Reference { get; private init; }
}
