using SkiaSharp;

namespace ToNNO.Imaging.Previews;

/// <summary>The one font that pictures are lettered in: a bare server has none.</summary>
public static class EmbeddedFont
{
    private static readonly Lazy<SKTypeface> _sans = new(Load);

    /// <summary>DejaVu Sans; shared, not to be disposed.</summary>
    public static SKTypeface Sans => _sans.Value;

    private static SKTypeface Load()
    {
        using var stream = typeof(EmbeddedFont).Assembly.GetManifestResourceStream("ToNNO.Imaging.Previews.DejaVuSans.ttf")
            ?? throw new InvalidOperationException("The font is missing from the assembly.");
        return SKTypeface.FromStream(stream) ?? throw new InvalidOperationException("The embedded font cannot be read.");
    }
}
