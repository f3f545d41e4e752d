using ToNNO.Encoders.Networks;

namespace ToNNO.Encoders.Checking;

/// <summary>How a model is checked.</summary>
public sealed record ModelCheckOptions
{
    /// <summary><c>auto</c>, <c>cpu</c> or <c>cuda:N</c>.</summary>
    public string Device { get; init; } = "auto";

    /// <summary>Edge of the slices in pixels; null for the reference's, the model's, or a common one.</summary>
    public int? Size { get; init; }

    /// <summary>The largest difference that is let pass, in the logits' unit; null for the bounds of <see cref="LogitBounds"/>.</summary>
    public double? Tolerance { get; init; }

    /// <summary>Time for which each batch size is encoded.</summary>
    public TimeSpan SpeedTime { get; init; } = TimeSpan.FromSeconds(0.3);
}

/// <summary>What a check found.</summary>
/// <param name="Size">Edge in pixels of the slices that it was made with.</param>
/// <param name="Reference">Against PyTorch's logits; null where the folder carries none.</param>
/// <param name="BFloat16">Against the same network in float32; null for a model of float32.</param>
/// <param name="Neighbours">A slice's logits alone against those among others.</param>
/// <param name="Maps">By layer.</param>
/// <param name="Speeds">By batch size.</param>
/// <param name="Problems">What makes the check fail; none where it passes.</param>
public sealed record ModelCheckReport(
    EncoderCard Card,
    string Architecture,
    EncoderPrecision Precision,
    string Device,
    int Size,
    LogitComparison? Reference,
    LogitComparison? BFloat16,
    LogitComparison Neighbours,
    IReadOnlyList<CamLayerCheck> Maps,
    IReadOnlyList<BatchSpeed> Speeds,
    LiveTensors Tensors,
    IReadOnlyList<ModelProblem> Problems);

/// <summary>Logits beside those that they should be.</summary>
/// <param name="Slices">Slices that were compared.</param>
/// <param name="LargestDifference">Largest absolute difference.</param>
/// <param name="Slice">Where it is.</param>
/// <param name="Class">Its class.</param>
/// <param name="Spread">Largest less smallest of the logits that should be, of the class where that is most.</param>
/// <param name="Bound">What the difference may be.</param>
public sealed record LogitComparison(int Slices, double LargestDifference, int Slice, string Class, double Spread, double Bound)
{
    // NaN, which encoders refuse, would not hold either.
    public bool Holds => LargestDifference <= Bound;
}

/// <param name="Edge">Cells of a map along one side; null where none can be made.</param>
/// <param name="CellMm">Distance of neighbouring cells, at the model's pixel size or else pixels of 1 mm.</param>
/// <param name="Refusal">Why no maps can be made of this layer.</param>
public sealed record CamLayerCheck(string Layer, int? Edge, double? CellMm, string? Refusal);

/// <param name="Batch">Slices of a forward pass.</param>
/// <param name="IsDefault">True for the one that runs use.</param>
/// <param name="SlicesPerSecond">By the clock, of one encoder; null where memory does not do for this batch.</param>
/// <param name="ResidentMb">Resident memory of the process thereafter, 2²⁰ bytes.</param>
public sealed record BatchSpeed(int Batch, bool IsDefault, double? SlicesPerSecond, long ResidentMb);

/// <summary>Tensors that nobody had disposed of, before and after the same work done once more.</summary>
public sealed record LiveTensors(long Before, long After);

/// <param name="Code">Stable, as in <c>model.reference_differs</c>.</param>
public sealed record ModelProblem(string Code, string Message);
