namespace ToNNO.Imaging.Dicom;

/// <summary>What DICOM files say of their patients and studies, to be looked for in the names of files and folders. It is held while sources are listed, and then
/// forgotten.</summary>
public sealed class PatientWords
{
    /// <summary>What is shorter is looked for as a word of its own: there are people called Li.</summary>
    private const int ShortestWithinWords = 4;

    private readonly HashSet<string> _words = new(StringComparer.Ordinal);
    private IReadOnlyList<string>? _last;
    private bool _isBeyondAscii;
    private int _longest;

    /// <summary>What a file says of its patient, as it is looked for.</summary>
    public static IReadOnlyList<string> Of(DicomObject file) =>
    [
        .. file.Identifying.SelectMany(text => Words(text).Append(Squeeze(text))).SelectMany(Spellings).Where(word => word.Length > 1).Distinct(),
        .. file.Uids.Select(Squeeze), // whose parts are their makers' numbers
    ];

    /// <summary>Adds what a file says of its patient.</summary>
    /// <param name="words">See <see cref="Of"/>; the same list for files that say the same, as most slices of a series do.</param>
    public void Add(IReadOnlyList<string> words)
    {
        if (!ReferenceEquals(words, _last))
        {
            _last = words;
            foreach (var word in words)
            {
                Add(word);
            }
        }
    }

    /// <summary>Adds what tells one file from others beside it: the UID that single files are called by, and whether no name beside it is to be trusted.</summary>
    /// <param name="withInstance">Also the UID.</param>
    public void AddOwn(DicomObject file, bool withInstance)
    {
        _isBeyondAscii |= file.IsNamedBeyondAscii;
        if (withInstance && file.Uids.Count > 0 && file.SopInstanceUid.Length > 0)
        {
            Add(Squeeze(file.SopInstanceUid));
        }
    }

    private void Add(string word)
    {
        _words.Add(word);
        _longest = Math.Max(_longest, word.Length);
    }

    /// <summary>True where a text (a folder's name) repeats any of it, or may do so in a way that cannot be looked for: a name beside it with letters beyond ASCII can
    /// be written in many.</summary>
    public bool IsRepeatedBy(string text)
    {
        if (_isBeyondAscii || Words(text).Any(_words.Contains))
        {
            return true;
        }

        var (squeezed, known) = (Squeeze(text), _words.GetAlternateLookup<ReadOnlySpan<char>>());
        for (var start = 0; start + ShortestWithinWords <= squeezed.Length; start++)
        {
            for (var length = ShortestWithinWords; length <= Math.Min(_longest, squeezed.Length - start); length++)
            {
                if (known.Contains(squeezed.AsSpan(start, length)))
                {
                    return true;
                }
            }
        }

        return false;
    }

    /// <summary>A word as people who name folders write it, too: a date with the day or the month first, and without zeros.</summary>
    private static IEnumerable<string> Spellings(string word)
    {
        yield return word;
        if (word.Length == 8 && word.All(char.IsAsciiDigit))
        {
            var (year, month, day) = (word[..4], word[4..6], word[6..]);
            foreach (var (m, d) in new[] { (month, day), (month.TrimStart('0'), day.TrimStart('0')) })
            {
                yield return year + m + d;
                yield return d + m + year;
                yield return m + d + year;
            }
        }
    }

    private static string Squeeze(string text) => string.Concat(text.Where(char.IsLetterOrDigit)).ToLowerInvariant();

    private static string[] Words(string text) =>
        new string([.. text.ToLowerInvariant().Select(letter => char.IsLetterOrDigit(letter) ? letter : ' ')]).Split(' ', StringSplitOptions.RemoveEmptyEntries);
}
