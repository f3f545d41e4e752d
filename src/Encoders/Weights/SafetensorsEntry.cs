namespace ToNNO.Encoders.Weights;

/// <summary>A tensor in a safetensors file, float32 unless the reader was told to skip it.</summary>
/// <param name="Shape">Lengths of the axes, slowest first; empty for a scalar.</param>
/// <param name="Begin">First byte, counted from the end of the header.</param>
/// <param name="End">One past the last byte.</param>
public sealed record SafetensorsEntry(string Name, IReadOnlyList<long> Shape, long Begin, long End);
