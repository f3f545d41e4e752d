using ToNNO.Imaging.Dicom;

namespace ToNNO.Tonno.Selection;

/// <summary>What a series is chosen by, gathered of its files.</summary>
internal sealed class SeriesFacts
{
    private readonly HashSet<string> _modalities = new(StringComparer.OrdinalIgnoreCase);
    private readonly HashSet<string> _descriptions = new(StringComparer.OrdinalIgnoreCase);
    private HashSet<string>? _imageTypes;
    private bool _isThicknessKnown = true;

    public int Slices { get; private set; }

    /// <summary>From the thinnest slice to the thickest, mm; null where one does not tell.</summary>
    public (double Least, double Most)? ThicknessMm { get; private set; }

    /// <param name="slice">Null where a file's header cannot be read: it counts as a slice of which nothing is known.</param>
    public void Add(SliceFacts? slice)
    {
        Slices += slice?.Slices ?? 1;
        _modalities.Add(slice?.Modality ?? "");
        _descriptions.Add(slice?.Description ?? "");
        var types = slice?.ImageTypes ?? [];
        if (_imageTypes is null)
        {
            _imageTypes = new(types, StringComparer.OrdinalIgnoreCase);
        }
        else
        {
            _imageTypes.IntersectWith(types);
        }

        _isThicknessKnown &= slice?.ThicknessMm is not null;
        ThicknessMm = !_isThicknessKnown ? null
            : ThicknessMm is { } known ? (Math.Min(known.Least, slice!.ThicknessMm!.Value), Math.Max(known.Most, slice.ThicknessMm.Value))
            : (slice!.ThicknessMm!.Value, slice.ThicknessMm.Value);
    }

    /// <summary>True where all slices are of one of these modalities.</summary>
    public bool IsOf(IReadOnlyCollection<string> modalities) => _modalities.All(modality => modalities.Contains(modality, StringComparer.OrdinalIgnoreCase));

    /// <summary>True where every slice's ImageType has all of these values.</summary>
    public bool HasTypes(IEnumerable<string> imageTypes) => imageTypes.All(type => _imageTypes!.Contains(type));

    /// <summary>True where one of these patterns fits the description of every slice.</summary>
    public bool IsDescribedBy(IEnumerable<string> patterns) => _descriptions.All(description =>
        patterns.Any(pattern => System.IO.Enumeration.FileSystemName.MatchesSimpleExpression(pattern, description, ignoreCase: true)));
}
