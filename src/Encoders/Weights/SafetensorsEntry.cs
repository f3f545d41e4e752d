namespace ToNNO.Encoders.Weights;

/// <summary>A float32 tensor in a safetensors file.</summary>
/// <param name="Shape">Lengths of the axes, slowest first; empty for a scalar.</param>
/// <param name="Begin">First byte, counted from the end of the header.</param>
/// <param name="End">One past the last byte.</param>
public sealed record SafetensorsEntry(string Name, IReadOnlyList<long> Shape, long Begin, long End);
