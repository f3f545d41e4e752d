using ToNNO.Tomography.Geometry;

namespace ToNNO.Tonno.Evaluation;

/// <summary>What is evaluated, and how.</summary>
internal sealed record EvaluationRequest
{
    /// <summary>Folders of results, each <c>FOLDER</c> or <c>NAME=FOLDER</c>.</summary>
    public required IReadOnlyList<string> Stores { get; init; }

    /// <summary>The CSV file of references.</summary>
    public required string References { get; init; }

    /// <summary>The folder that its file names start from; null for its own.</summary>
    public string? Root { get; init; }

    /// <summary>The class to look at; null for the only one.</summary>
    public string? ClassName { get; init; }

    /// <summary>Null to choose it.</summary>
    public HeatmapThreshold? Threshold { get; init; }

    /// <summary>Leave results aside that the references do not name.</summary>
    public bool ListedOnly { get; init; }

    /// <summary>Also try other filters and fewer directions on kept sinograms; each with a threshold that is chosen.</summary>
    public bool Sweep { get; init; }

    /// <summary>How often patients are drawn for the intervals.</summary>
    public int Draws { get; init; } = 2000;

    public int Seed { get; init; }
}
