using SkiaSharp;

namespace ToNNO.Imaging.Previews;

/// <summary>A drawn preview and what lies where in it.</summary>
internal sealed record PreviewPicture(byte[] Png, IReadOnlyList<PreviewPanel> Panels, HeatmapPeak Peak);

/// <summary>One plane in the picture.</summary>
/// <param name="Plane">Its axes and letters.</param>
/// <param name="HasHeatmap">False in the upper row.</param>
/// <param name="Area">Its pixels, letters not included.</param>
/// <param name="Peak">The middle of the peak's voxel, pixels of the picture.</param>
internal sealed record PreviewPanel(DisplayPlane Plane, bool HasHeatmap, SKRectI Area, SKPoint Peak);
