namespace ToNNO.Imaging.Previews;

/// <summary>The colours of a heatmap over an image: the perceptually uniform map "inferno", clear where the value is low.</summary>
public static class HeatColours
{
    public const int Count = 256;

    private const double ClearBelow = 0.10;
    private const double FullAbove = 0.55;
    private const double FullOpacity = 0.85;

    // Every tenth of matplotlib's inferno (CC0); straight lines between them stay within a few steps of 255.
    private static readonly uint[] Anchors =
    [
        0x000004, 0x160B39, 0x420A68, 0x6A176E, 0x932667, 0xBC3754, 0xDD513A, 0xF3771A, 0xFCA50A, 0xF6D645, 0xFCFFA4,
    ];

    private static readonly byte[] Table = BuildTable();

    /// <summary><see cref="Count"/> colours from low to high, four bytes each: red, green, blue (not premultiplied), opacity.</summary>
    public static ReadOnlySpan<byte> Rgba => Table;

    /// <summary>The four bytes of the colour at a position in [0, 1].</summary>
    internal static ReadOnlySpan<byte> At(float fraction) =>
        Table.AsSpan(4 * (int)Math.Round(Math.Clamp(fraction, 0, 1) * (Count - 1)), 4);

    private static byte[] BuildTable()
    {
        var table = new byte[4 * Count];
        for (var index = 0; index < Count; index++)
        {
            var fraction = index / (Count - 1.0);
            var place = fraction * (Anchors.Length - 1);
            var anchor = Math.Min((int)place, Anchors.Length - 2);
            for (var channel = 0; channel < 3; channel++)
            {
                var shift = 8 * (2 - channel);
                var from = (Anchors[anchor] >> shift) & 0xFF;
                var to = (Anchors[anchor + 1] >> shift) & 0xFF;
                table[(4 * index) + channel] = (byte)Math.Round(from + ((place - anchor) * ((double)to - from)));
            }

            var rise = Math.Clamp((fraction - ClearBelow) / (FullAbove - ClearBelow), 0, 1);
            table[(4 * index) + 3] = (byte)Math.Round(255 * FullOpacity * rise * rise * (3 - (2 * rise)));
        }

        return table;
    }
}
