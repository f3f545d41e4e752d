using System.Globalization;
using SkiaSharp;
using ToNNO.Tomography.Geometry;

namespace ToNNO.Imaging.Previews;

/// <summary>
/// Draws the picture that says at a glance what a heatmap found: the three planes through its peak, above as they are
/// and below under the heatmap's colours.
/// </summary>
public static class PreviewRenderer
{
    internal const int WidthPixels = 1200;

    private const float Margin = 22;
    private const float RowLabelWidth = 26;
    private const float Gutter = 22;
    private const float ColumnGap = 6;
    private const float TallestPanel = 600;
    private const float HeaderHeight = 122;
    private const float RowGap = 14;
    private const float FooterHeight = 104;

    /// <summary>Draws the picture; the same request gives the same bytes.</summary>
    /// <returns>A PNG, 1200 pixels wide; its height follows the volume's proportions.</returns>
    public static byte[] RenderPng(PreviewRequest request) => Draw(request).Png;

    internal static PreviewPicture Draw(PreviewRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        var scene = new Scene(request);
        var panels = Arrange(scene.Planes, scene.Peak, out var height);
        using var surface = SKSurface.Create(new SKImageInfo(WidthPixels, height, SKColorType.Rgba8888, SKAlphaType.Opaque));
        using var pen = new PreviewPen(surface.Canvas);
        surface.Canvas.Clear(PreviewPen.Page);
        DrawHeader(pen, scene, panels);
        foreach (var panel in panels)
        {
            DrawPanel(pen, scene, panel);
        }

        DrawFooter(pen, scene, height - FooterHeight);
        surface.Canvas.Flush();
        using var picture = surface.Snapshot();
        using var png = picture.Encode(SKEncodedImageFormat.Png, 100);
        return new(png.ToArray(), panels, scene.Peak);
    }

    private static List<PreviewPanel> Arrange(IReadOnlyList<DisplayPlane> planes, HeatmapPeak peak, out int height)
    {
        var column = (WidthPixels - (2 * Margin) - RowLabelWidth - (2 * ColumnGap)) / 3;
        var fits = planes.Select(plane => Math.Min(
            (column - (2 * Gutter)) / plane.Columns.ExtentMm, TallestPanel / plane.Rows.ExtentMm)).ToArray();

        // One scale makes the planes comparable; a whole body would then shrink its axial plane to a stamp.
        var common = fits.Min();
        var scales = fits.Max() > 1.5 * common ? fits : [common, common, common];
        var sizes = planes.Select((plane, index) => (
            Width: Math.Max(2, (int)Math.Round(plane.Columns.ExtentMm * scales[index])),
            Height: Math.Max(2, (int)Math.Round(plane.Rows.ExtentMm * scales[index])))).ToArray();
        var rowHeight = Math.Max(40, sizes.Max(size => size.Height));

        var panels = new List<PreviewPanel>();
        for (var row = 0; row < 2; row++)
        {
            var top = HeaderHeight + (row * (rowHeight + (2 * Gutter) + RowGap)) + Gutter;
            for (var index = 0; index < planes.Count; index++)
            {
                var (plane, size) = (planes[index], sizes[index]);
                var centre = Margin + RowLabelWidth + (index * (column + ColumnGap)) + (column / 2);
                var area = SKRectI.Create(
                    (int)Math.Round(centre - (size.Width / 2.0)),
                    (int)Math.Round(top + ((rowHeight - size.Height) / 2.0)),
                    size.Width,
                    size.Height);
                var at = new SKPoint(
                    area.Left + ((plane.Columns.Flip(peak.Along(plane.Columns)) + 0.5f) * area.Width / plane.Columns.VoxelCount),
                    area.Top + ((plane.Rows.Flip(peak.Along(plane.Rows)) + 0.5f) * area.Height / plane.Rows.VoxelCount));
                panels.Add(new(plane, row == 1, area, at));
            }
        }

        height = (int)Math.Ceiling(HeaderHeight + (2 * (rowHeight + (2 * Gutter))) + RowGap + FooterHeight);
        return panels;
    }

    private static void DrawHeader(PreviewPen pen, Scene scene, List<PreviewPanel> panels)
    {
        pen.Text(scene.Request.Title, Margin, 44, 25, PreviewPen.Ink, bold: true, widest: WidthPixels - (2 * Margin));
        pen.Text(scene.PeakSentence, Margin, 72, 15.5f, PreviewPen.Faint, widest: WidthPixels - (2 * Margin));
        foreach (var panel in panels.Where(panel => !panel.HasHeatmap))
        {
            var axis = panel.Plane.Normal;
            var world = scene.PeakWorldMm;
            var place = panel.Plane.Plane switch
            {
                AnatomicalPlane.Axial => $"z {Number(world.Z)}",
                AnatomicalPlane.Coronal => $"y {Number(world.Y)}",
                _ => $"x {Number(world.X)}",
            };
            var slice = $"{place} mm · slice {scene.Peak.Along(axis) + 1}/{axis.VoxelCount}";
            var name = panel.Plane.Plane.ToString();
            var nameWidth = PreviewPen.Measure(name, 16.5f, bold: true);
            var left = panel.Area.MidX - ((nameWidth + 10 + PreviewPen.Measure(slice, 13.5f)) / 2);
            pen.Text(name, left, HeaderHeight - 8, 16.5f, PreviewPen.Ink, bold: true);
            pen.Text(slice, left + nameWidth + 10, HeaderHeight - 8, 13.5f, PreviewPen.Faint);
        }

        foreach (var row in panels.GroupBy(panel => panel.HasHeatmap))
        {
            var middle = (row.Min(panel => panel.Area.Top) + row.Max(panel => panel.Area.Bottom)) / 2f;
            pen.TextUpwards(row.Key ? "with heatmap" : "image", Margin + 12, middle, 15, PreviewPen.Faint);
        }
    }

    private static void DrawPanel(PreviewPen pen, Scene scene, PreviewPanel panel)
    {
        var (plane, area) = (panel.Plane, panel.Area);
        var (columns, rows) = (plane.Columns.VoxelCount, plane.Rows.VoxelCount);
        pen.Pixels(Colours(scene, panel), area);

        if (panel.HasHeatmap)
        {
            pen.Clip(area);
            if (scene.Request.Reference is { } reference)
            {
                pen.Outline(PlaneContour.Trace(reference.Cut(plane), columns, rows, 0.5),
                    area, columns, rows, PreviewPen.Reference, dashed: false);
            }

            if (scene.ThresholdValue is { } level)
            {
                var cut = Finite(scene.Request.Heatmap.Cut(plane), float.NegativeInfinity);
                pen.Outline(PlaneContour.Trace(cut, columns, rows, level),
                    area, columns, rows, PreviewPen.Predicted, dashed: true);
            }

            pen.Unclip();
        }

        pen.Crosshair(area, panel.Peak);
        pen.Letter(plane.Columns.StartLetter, area.Left - (Gutter / 2), area.MidY);
        pen.Letter(plane.Columns.EndLetter, area.Right + (Gutter / 2), area.MidY);
        pen.Letter(plane.Rows.StartLetter, area.MidX, area.Top - (Gutter / 2));
        pen.Letter(plane.Rows.EndLetter, area.MidX, area.Bottom + (Gutter / 2));
        if (area.Width >= 150)
        {
            var lengthMm = NiceBelow(0.3 * plane.Columns.ExtentMm);
            pen.ScaleBar(area, (float)(lengthMm * area.Width / plane.Columns.ExtentMm), $"{Value(lengthMm)} mm");
        }
    }

    private static byte[] Colours(Scene scene, PreviewPanel panel)
    {
        var (plane, area) = (panel.Plane, panel.Area);
        var grey = Resampled(scene.Request.Image.Cut(plane), scene.ImageRange.Low);
        var heat = panel.HasHeatmap && !scene.HeatRange.IsEmpty
            ? Resampled(scene.Request.Heatmap.Cut(plane), scene.HeatRange.Low)
            : null;
        var pixels = new byte[4 * area.Width * area.Height];
        for (var pixel = 0; pixel < grey.Length; pixel++)
        {
            var under = 255 * scene.ImageRange.Fraction(grey[pixel]);
            var colour = heat is null ? default : HeatColours.At(scene.HeatRange.Fraction(heat[pixel]));
            for (var channel = 0; channel < 3; channel++)
            {
                var mixed = colour.IsEmpty ? under : under + (colour[3] / 255f * (colour[channel] - under));
                pixels[(4 * pixel) + channel] = (byte)Math.Round(mixed);
            }

            pixels[(4 * pixel) + 3] = 255;
        }

        return pixels;

        float[] Resampled(float[] values, float hole) => PlaneResampler.Resample(
            Finite(values, hole),
            plane.Columns.VoxelCount, plane.Rows.VoxelCount, area.Width, area.Height);
    }

    private static void DrawFooter(PreviewPen pen, Scene scene, float top)
    {
        const float BarWidth = 400;
        var bar = SKRect.Create(Margin + RowLabelWidth, top + 34, BarWidth, 16);
        pen.Text("Heatmap", bar.Left, bar.Top - 10, 14, PreviewPen.Ink, bold: true);
        if (scene.HeatRange.IsEmpty)
        {
            pen.Text(float.IsNaN(scene.Peak.Value) ? "no finite value: nothing to colour" : "one value everywhere: nothing to colour", bar.Left, bar.Bottom - 2, 14, PreviewPen.Faint);
        }
        else
        {
            pen.ColourBar(bar, scene.HeatRange, Ticks(scene.HeatRange), Value, scene.ThresholdValue);
        }

        var (left, line) = (bar.Right + 70, top + 28);
        var images = scene.ImageRange.IsEmpty
            ? "Image: one grey"
            : $"Image: {Value(Math.Abs(scene.ImageRange.Low) < 0.005 * scene.ImageRange.High ? 0 : scene.ImageRange.Low)} (black) to {Value(scene.ImageRange.High)} (white)";
        pen.LegendCross(left, line);
        pen.Text(scene.Peak.IsDistinct ? "peak of the heatmap" : "middle of the volume", left + 44, line + 5, 14, PreviewPen.Ink);
        pen.Text(images, left + 260, line + 5, 14, PreviewPen.Faint, widest: WidthPixels - Margin - left - 260);
        if (scene.Request.Reference is not null)
        {
            pen.LegendLine(left, line + 26, PreviewPen.Reference, dashed: false);
            pen.Text("reference mask", left + 44, line + 31, 14, PreviewPen.Ink);
        }

        if (scene is { ThresholdValue: { } level, Request.Threshold: { } threshold })
        {
            var note = threshold.OfPeak ? $" ({Value(100 * threshold.Value)} % of the peak)" : string.Empty;
            pen.LegendLine(left + 216, line + 26, PreviewPen.Predicted, dashed: true);
            pen.Text($"heatmap ≥ {Value(level)}{note}", left + 260, line + 31, 14, PreviewPen.Ink,
                widest: WidthPixels - Margin - left - 260);
        }

        pen.Text("Radiological view: the patient's right (R) is on the left.", left, line + 57, 13, PreviewPen.Faint);
    }

    private static float[] Finite(float[] plane, float hole) =>
        Array.ConvertAll(plane, value => float.IsFinite(value) ? value : hole);

    /// <summary>Round numbers inside the range; the one nearest the upper end makes way for the peak's own label.</summary>
    private static List<double> Ticks(DisplayRange range)
    {
        var width = (double)range.High - range.Low;
        var step = NiceBelow(width / 3);
        var ticks = new List<double>();
        for (var tick = Math.Ceiling(range.Low / step) * step; tick <= range.High - (0.12 * width); tick += step)
        {
            ticks.Add(Math.Abs(tick) < 1e-9 * step ? 0 : tick);
        }

        ticks.Add(range.High);
        return ticks;
    }

    /// <summary>The largest of 1, 2 and 5 times a power of ten that is not above the length.</summary>
    private static double NiceBelow(double length)
    {
        var power = Math.Pow(10, Math.Floor(Math.Log10(length)));
        return (length / power) switch
        {
            >= 5 => 5 * power,
            >= 2 => 2 * power,
            _ => power,
        };
    }

    private static string Value(double value) => value.ToString(
        Math.Abs(value) switch
        {
            0 => "F0",
            < 1e-3 or >= 1e6 => "0.##e0",
            >= 1e3 => "F0",
            _ => "G3",
        },
        CultureInfo.InvariantCulture).Replace('-', '−');

    private static string Number(double value) =>
        (value is > -0.05 and < 0.05 ? "0.0" : value.ToString("F1", CultureInfo.InvariantCulture)).Replace('-', '−');

    private sealed class Scene
    {
        public Scene(PreviewRequest request)
        {
            Request = request;
            Planes = DisplayPlane.Of(request.Geometry);
            PeakWorldMm = request.Geometry.Affine.ToWorld(Peak.I, Peak.J, Peak.K);
            ImageRange = DisplayRange.ForImage(request.Image.Spread);
            HeatRange = DisplayRange.ForHeatmap(request.Heatmap.Spread);
            ThresholdValue = Peak.IsDistinct ? request.Threshold?.For(Peak.Value) : null;
        }

        public PreviewRequest Request { get; }

        public IReadOnlyList<DisplayPlane> Planes { get; }

        public HeatmapPeak Peak => Request.Peak;

        public Vector3D PeakWorldMm { get; }

        public DisplayRange ImageRange { get; }

        public DisplayRange HeatRange { get; }

        public double? ThresholdValue { get; }

        public string PeakSentence
        {
            get
            {
                var place = $"({Number(PeakWorldMm.X)}, {Number(PeakWorldMm.Y)}, {Number(PeakWorldMm.Z)}) mm in RAS";
                return Peak switch
                {
                    { IsDistinct: true } => $"Peak {Value(Peak.Value)} at (x, y, z) = {place} · voxel ({Peak.I}, {Peak.J}, {Peak.K})",
                    { Value: float.NaN } => $"The heatmap has no finite value. Planes through the middle, {place}",
                    _ => $"The heatmap is {Value(Peak.Value)} everywhere. Planes through the middle, {place}",
                };
            }
        }
    }
}
