using System.Runtime.InteropServices;
using SkiaSharp;

namespace ToNNO.Imaging.Previews;

/// <summary>The strokes that a preview is made of: colours, type and line weights are decided here.</summary>
internal sealed class PreviewPen(SKCanvas canvas) : IDisposable
{
    public static readonly SKColor Page = new(0x15, 0x17, 0x1B);
    public static readonly SKColor Ink = new(0xF1, 0xF3, 0xF5);
    public static readonly SKColor Faint = new(0xA9, 0xB1, 0xBA);

    // Neither hue occurs in inferno, and the dashes tell them apart without colour.
    public static readonly SKColor Reference = new(0x2F, 0xD8, 0xFF);
    public static readonly SKColor Predicted = new(0x5C, 0xFF, 0x7A);

    private static readonly SKColor Casing = new(0, 0, 0, 150);
    private static readonly SKColor Frame = new(0x3A, 0x40, 0x48);
    private readonly SKPathEffect _dashes = SKPathEffect.CreateDash([7, 4], 0);

    public void Dispose() => _dashes.Dispose();

    public void Clip(SKRectI area)
    {
        canvas.Save();
        canvas.ClipRect(area);
    }

    public void Unclip() => canvas.Restore();

    public void Pixels(byte[] rgba, SKRectI area)
    {
        var pinned = GCHandle.Alloc(rgba, GCHandleType.Pinned);
        try
        {
            var info = new SKImageInfo(area.Width, area.Height, SKColorType.Rgba8888, SKAlphaType.Opaque);
            using var image = SKImage.FromPixelCopy(info, pinned.AddrOfPinnedObject());
            canvas.DrawImage(image, area.Left, area.Top);
        }
        finally
        {
            pinned.Free();
        }

        using var frame = Stroke(Frame, 1);
        canvas.DrawRect(area.Left - 0.5f, area.Top - 0.5f, area.Width + 1, area.Height + 1, frame);
    }

    public static float Measure(string text, float size, bool bold = false)
    {
        using var font = Font(size, bold);
        return font.MeasureText(text);
    }

    /// <param name="widest">Pixels after which the text is cut, with an ellipsis.</param>
    public void Text(string text, float left, float baseline, float size, SKColor colour, bool bold = false, float widest = float.MaxValue)
    {
        using var font = Font(size, bold);
        using var paint = Fill(colour);
        text = string.Concat(text.Select(letter => char.IsControl(letter) ? ' ' : letter));
        var shown = text;
        for (var length = text.Length - 1; length > 0 && font.MeasureText(shown) > widest; length--)
        {
            shown = text[..(char.IsHighSurrogate(text[length - 1]) ? length - 1 : length)].TrimEnd() + "…";
        }

        canvas.DrawText(shown, left, baseline, SKTextAlign.Left, font, paint);
    }

    public void TextUpwards(string text, float baseline, float middle, float size, SKColor colour)
    {
        canvas.Save();
        canvas.RotateDegrees(-90, baseline, middle);
        Text(text, baseline - (Measure(text, size) / 2), middle, size, colour);
        canvas.Restore();
    }

    public void Letter(char letter, float x, float y)
    {
        var text = letter.ToString();
        Text(text, x - (Measure(text, 15, bold: true) / 2), y + 5.5f, 15, Ink, bold: true);
    }

    public void Outline(IReadOnlyList<IReadOnlyList<(float X, float Y)>> lines, SKRectI area, int columns, int rows, SKColor colour, bool dashed)
    {
        var (voxelWidth, voxelHeight) = ((float)area.Width / columns, (float)area.Height / rows);
        using var builder = new SKPath();
        foreach (var line in lines)
        {
            builder.AddPoly([.. line.Select(point => new SKPoint(
                area.Left + ((point.X + 0.5f) * voxelWidth), area.Top + ((point.Y + 0.5f) * voxelHeight)))]);
        }

        using var casing = Stroke(Casing, 3.6f);
        canvas.DrawPath(builder, casing);
        using var stroke = Stroke(colour, 1.9f, dashed);
        canvas.DrawPath(builder, stroke);
    }

    /// <summary>Marks the place without covering it: short lines around it and ticks at the edges.</summary>
    public void Crosshair(SKRectI area, SKPoint at)
    {
        Clip(area);
        Cross(at, 11, 24);
        foreach (var (width, colour) in new[] { (3.6f, Casing), (1.6f, Ink) })
        {
            using var stroke = Stroke(colour, width);
            canvas.DrawLine(at.X, area.Top, at.X, area.Top + 9, stroke);
            canvas.DrawLine(at.X, area.Bottom - 9, at.X, area.Bottom, stroke);
            canvas.DrawLine(area.Left, at.Y, area.Left + 9, at.Y, stroke);
            canvas.DrawLine(area.Right - 9, at.Y, area.Right, at.Y, stroke);
        }

        Unclip();
    }

    public void ScaleBar(SKRectI area, float length, string label)
    {
        using var stroke = Stroke(Ink, 2);
        var y = area.Bottom + 9f;
        canvas.DrawLine(area.Left, y, area.Left + length, y, stroke);
        canvas.DrawLine(area.Left + 1, y - 4, area.Left + 1, y + 4, stroke);
        canvas.DrawLine(area.Left + length - 1, y - 4, area.Left + length - 1, y + 4, stroke);
        Text(label, area.Left + length + 6, y + 5, 12, Faint);
    }

    /// <summary>The colours as they look over black, which is how little a low value is coloured.</summary>
    public void ColourBar(SKRect bar, DisplayRange range, IEnumerable<double> ticks, Func<double, string> label, double? threshold)
    {
        for (var x = 0; x < bar.Width; x++)
        {
            var colour = HeatColours.At(x / (bar.Width - 1));
            using var paint = Fill(new SKColor(
                (byte)(colour[0] * colour[3] / 255), (byte)(colour[1] * colour[3] / 255), (byte)(colour[2] * colour[3] / 255)));
            canvas.DrawRect(bar.Left + x, bar.Top, 1, bar.Height, paint);
        }

        using var frame = Stroke(Frame, 1);
        canvas.DrawRect(bar, frame);
        using var tickStroke = Stroke(Faint, 1);
        foreach (var tick in ticks)
        {
            var x = Place(tick);
            canvas.DrawLine(x, bar.Bottom, x, bar.Bottom + 5, tickStroke);
            var text = label(tick);
            Text(text, x - (Measure(text, 13) / 2), bar.Bottom + 19, 13, Ink);
        }

        if (threshold is { } level && level >= range.Low && level <= range.High)
        {
            foreach (var (width, colour) in new[] { (4.5f, Casing), (2.2f, Predicted) })
            {
                using var stroke = Stroke(colour, width);
                canvas.DrawLine(Place(level), bar.Top - 5, Place(level), bar.Bottom + 3, stroke);
            }
        }

        float Place(double value) => bar.Left + ((float)((value - range.Low) / ((double)range.High - range.Low)) * bar.Width);
    }

    public void LegendLine(float left, float y, SKColor colour, bool dashed)
    {
        using var stroke = Stroke(colour, 2.4f, dashed);
        canvas.DrawLine(left, y, left + 34, y, stroke);
    }

    public void LegendCross(float left, float y) => Cross(new(left + 17, y), 3, 10);

    private void Cross(SKPoint at, float from, float to)
    {
        foreach (var (width, colour) in new[] { (3.6f, Casing), (1.6f, Ink) })
        {
            using var stroke = Stroke(colour, width);
            canvas.DrawLine(at.X - to, at.Y, at.X - from, at.Y, stroke);
            canvas.DrawLine(at.X + from, at.Y, at.X + to, at.Y, stroke);
            canvas.DrawLine(at.X, at.Y - to, at.X, at.Y - from, stroke);
            canvas.DrawLine(at.X, at.Y + from, at.X, at.Y + to, stroke);
        }
    }

    private SKPaint Stroke(SKColor colour, float width, bool dashed = false) => new()
    {
        Color = colour,
        IsAntialias = true,
        IsStroke = true,
        StrokeWidth = width,
        StrokeJoin = SKStrokeJoin.Round,
        PathEffect = dashed ? _dashes : null,
    };

    private static SKPaint Fill(SKColor colour) => new() { Color = colour, IsAntialias = true };

    private static SKFont Font(float size, bool bold) => new(EmbeddedFont.Sans, size)
    {
        Embolden = bold,
        Subpixel = true,
        Hinting = SKFontHinting.None,
        Edging = SKFontEdging.Antialias,
    };
}
