namespace ToNNO.Imaging.Dicom.Results;

/// <summary>What the DICOM objects of a result say of how it was made. Nothing of it is the patient's.</summary>
public sealed record ResultOrigin
{
    /// <summary>SHA-256 of the source, of the heatmap's file, and the name of the work: what the objects' UIDs are made of.</summary>
    public required string SourceSha256 { get; init; }

    public required string HeatmapSha256 { get; init; }

    public required string WorkKey { get; init; }

    /// <summary>When the work was ordered: a time that does not change when the objects are made again.</summary>
    public required DateTimeOffset OrderedAt { get; init; }

    /// <summary>Of the heatmap among those of the result, from 1.</summary>
    public required int ClassNumber { get; init; }

    public required string ClassName { get; init; }

    /// <summary>Of the heatmap's voxels.</summary>
    public required double Minimum { get; init; }

    public required double Maximum { get; init; }

    public required string ModelName { get; init; }

    /// <summary>Of the program.</summary>
    public required string Version { get; init; }

    /// <summary>Model hash, method and settings, a line each.</summary>
    public required IReadOnlyList<string> Parameters { get; init; }
}
