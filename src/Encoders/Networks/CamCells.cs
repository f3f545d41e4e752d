namespace ToNNO.Encoders.Networks;

/// <summary>Where the cells of a layer's maps lie in a slice: cell i is centred on pixel <paramref name="First"/> + i·<paramref name="Stride"/>.</summary>
public sealed record CamCells(double Stride, double First);
