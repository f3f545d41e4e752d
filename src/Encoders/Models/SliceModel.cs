using ToNNO.Encoders.Networks;

namespace ToNNO.Encoders.Models;

/// <summary>A model folder in memory: its card, its metadata and its network on the CPU.</summary>
public sealed record SliceModel(EncoderCard Card, ModelMetadata Metadata, SliceNetwork Network) : IDisposable
{
    public void Dispose() => Network.Dispose();
}
