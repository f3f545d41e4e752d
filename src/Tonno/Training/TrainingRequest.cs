using ToNNO.Encoders.Networks;

namespace ToNNO.Tonno.Training;

/// <summary>What <c>tonno train</c> was asked for; null where the volumes or the architecture decide.</summary>
internal sealed record TrainingRequest
{
    /// <summary>The CSV file with the labels.</summary>
    public required string Labels { get; init; }

    /// <summary>The folder to write the model to.</summary>
    public required string Model { get; init; }

    /// <summary>The folder that file names start from; null for the labels' own.</summary>
    public string? Root { get; init; }

    /// <summary>Share of the patients to validate on; null for the labels' column split.</summary>
    public double? ValidationShare { get; init; } = 0.2;

    /// <summary>Residual networks of 18 layers, or small networks.</summary>
    public bool IsResNet { get; init; }

    /// <summary>The small network's layers.</summary>
    public IReadOnlyList<ConvLayer> Layers { get; init; } = [Layer(8), Layer(8)];

    /// <summary>Rounds after the first, each of which learns from what the one before takes for lesions.</summary>
    public int Rounds { get; init; }

    public string ClassName { get; init; } = "lesion";

    /// <summary>Intensities, the same for all volumes.</summary>
    public (float Low, float High)? Window { get; init; }

    /// <summary>Percentiles of each volume's own intensities.</summary>
    public (float Low, float High)? Percentiles { get; init; }

    /// <summary>Intensity outside a volume.</summary>
    public float? Fill { get; init; }

    public double? PixelMm { get; init; }

    /// <summary>Edge of the slices to learn from, in pixels.</summary>
    public int? Size { get; init; }

    /// <summary>Most steps.</summary>
    public int Steps { get; init; } = 600;

    public int BatchSize { get; init; } = 32;

    public double? LearningRate { get; init; }

    public int EvaluateEvery { get; init; } = 50;

    public int Patience { get; init; } = 10;

    /// <summary>Slices of each volume that validation looks at.</summary>
    public int ValidationSlices { get; init; } = 64;

    public int Seed { get; init; }

    public string Device { get; init; } = "auto";

    /// <summary>Most memory that volumes may be kept in.</summary>
    public long MemoryBytes { get; init; } = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 4;

    /// <summary>A layer as training makes them: its rectifier cannot die (docs/adr/0010).</summary>
    /// <param name="maxPool">Edge of the pooling after it; 1 for none.</param>
    public static ConvLayer Layer(int channels, int maxPool = 1) => new() { Channels = channels, MaxPool = maxPool, Activation = Activation.LeakyRelu };
}

/// <summary>What a training came to.</summary>
/// <param name="Auc">Of the validation volumes, by the weights that were kept.</param>
/// <param name="Step">The step that they are of.</param>
/// <param name="Steps">Steps in all.</param>
internal sealed record TrainedModel(string Sha256, double Auc, double Loss, int Step, int Steps);
