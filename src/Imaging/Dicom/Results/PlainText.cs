namespace ToNNO.Imaging.Dicom.Results;

/// <summary>The program's own texts, in letters that every character set of a source has.</summary>
internal static class PlainText
{
    /// <param name="text">A name that users gave, of a model or a class.</param>
    /// <param name="most">Characters that its representation allows.</param>
    /// <returns>ASCII without control characters and backslashes, which part values; a '?' stands for each other character.</returns>
    public static string Of(string text, int most)
    {
        var plain = string.Concat(text.Select(letter => letter is >= ' ' and <= '~' and not '\\' ? letter : '?')).Trim();
        return plain.Length <= most ? plain : plain[..most];
    }
}
