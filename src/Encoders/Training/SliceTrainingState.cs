namespace ToNNO.Encoders.Training;

/// <summary>Where a training stands, with all that its next step depends on.</summary>
/// <param name="Step">Steps done.</param>
/// <param name="Numbers">Weights, running statistics and the optimizer's moments, by name, in memory order <c>[...]</c>.</param>
public sealed record SliceTrainingState(int Step, IReadOnlyDictionary<string, float[]> Numbers)
{
    internal const string WeightPrefix = "weights.";

    /// <summary>The network's part, without the optimizer's.</summary>
    public IReadOnlyDictionary<string, float[]> Weights() => Numbers
        .Where(pair => pair.Key.StartsWith(WeightPrefix, StringComparison.Ordinal))
        .ToDictionary(pair => pair.Key[WeightPrefix.Length..], pair => pair.Value, StringComparer.Ordinal);
}
