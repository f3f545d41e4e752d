using System.Globalization;

namespace ToNNO.Imaging.Dicom.Results;

/// <summary>Numbers as decimal strings (DS; PS3.5, 6.2): 16 characters at most.</summary>
internal static class DecimalText
{
    private const int Longest = 16;

    /// <summary>The shortest text that reads as the number; where that is too long, the closest that is not.</summary>
    /// <remarks>What was read from a sound decimal string comes back unchanged: 16 characters hold no more digits than a double does.</remarks>
    /// <exception cref="ArgumentOutOfRangeException">It is not finite.</exception>
    public static string Of(double value)
    {
        if (!double.IsFinite(value))
        {
            throw new ArgumentOutOfRangeException(nameof(value), value, "A decimal string holds finite numbers.");
        }

        var text = (value + 0.0).ToString("R", CultureInfo.InvariantCulture); // no −0
        for (var digits = 15; text.Length > Longest; digits--)
        {
            text = value.ToString($"G{digits}", CultureInfo.InvariantCulture);
        }

        return text;
    }
}
