namespace ToNNO.Tonno.Selection;

/// <summary>What a series must be to be taken, or left out. What is null is not asked.</summary>
internal sealed record SelectionRule
{
    public required string Name { get; init; }

    /// <summary>Modalities as in DICOM: CT, MR, PT.</summary>
    public IReadOnlyList<string>? Modality { get; init; }

    /// <summary>Values that ImageType must all have.</summary>
    public IReadOnlyList<string>? ImageType { get; init; }

    public Bounds? Slices { get; init; }

    public Bounds? ThicknessMm { get; init; }

    /// <summary>Patterns of which one must fit the series' description: <c>*</c> and <c>?</c> stand for any letters and one letter.</summary>
    public IReadOnlyList<string>? Description { get; init; }

    /// <summary>The first criterion that a series does not meet, by its key; null where it meets all.</summary>
    public string? Unmet(SeriesFacts series) =>
        Modality is { } modality && !series.IsOf(modality) ? RuleKeys.Modality
        : ImageType is { } types && !series.HasTypes(types) ? RuleKeys.ImageType
        : Slices is { } slices && !slices.Hold(series.Slices, series.Slices) ? RuleKeys.Slices
        : ThicknessMm is { } thickness && !(series.ThicknessMm is { } told && thickness.Hold(told.Least, told.Most)) ? RuleKeys.ThicknessMm
        : Description is { } patterns && !series.IsDescribedBy(patterns) ? RuleKeys.Description
        : null;

    /// <summary>Bounds included; null where there is none.</summary>
    internal sealed record Bounds(double? Min, double? Max)
    {
        public bool Hold(double least, double most) => !(least < Min) && !(most > Max);
    }
}

/// <summary>Keys of a rules file.</summary>
internal static class RuleKeys
{
    public const string Take = "take";
    public const string Exclude = "exclude";
    public const string Name = "name";
    public const string Modality = "modality";
    public const string ImageType = "imageType";
    public const string Slices = "slices";
    public const string ThicknessMm = "thicknessMm";
    public const string Description = "description";
    public const string Min = "min";
    public const string Max = "max";

    public static readonly string[] OfFile = [Take, Exclude];
    public static readonly string[] OfRule = [Name, Modality, ImageType, Slices, ThicknessMm, Description];
    public static readonly string[] OfBounds = [Min, Max];
}
