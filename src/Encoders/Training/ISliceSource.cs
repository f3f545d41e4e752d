namespace ToNNO.Encoders.Training;

/// <summary>Supplies the labelled slices of a training.</summary>
public interface ISliceSource
{
    /// <summary>Fills one batch. What it fills must depend on <paramref name="batch"/> alone, or a training cannot be repeated.</summary>
    /// <param name="batch">Number of the batch, from 0.</param>
    /// <param name="pixels">Destination <c>[B, C, S, S]</c>, to be mapped by the model's intensity window as in inference.</param>
    /// <param name="labels">Destination <c>[B, K]</c>, each 0 (no) to 1 (yes).</param>
    void Fill(int batch, Span<float> pixels, Span<float> labels);
}
