using ToNNO.Contracts;
using ToNNO.Encoders;

namespace ToNNO.SliceActors.Encoding;

/// <summary>The model that this node's encoders share: loaded once, replaced when a run asks for another.</summary>
internal sealed class EncoderPool(Func<RunSettings, ISliceEncoder> open) : IDisposable
{
    private readonly Lock _lock = new();
    private (string Model, ISliceEncoder Encoder)? _resident;

    /// <summary>The encoder of a run.</summary>
    /// <exception cref="EncoderException">The model cannot be loaded, or is not the one that the run was planned with.</exception>
    public ISliceEncoder Get(RunSettings settings)
    {
        lock (_lock)
        {
            if (_resident is not { } resident || resident.Model != settings.Model || resident.Encoder.Card.Sha256 != settings.ModelSha256)
            {
                // The former encoder is left to its finalizer: another thread may still be encoding with it.
                _resident = resident = (settings.Model, open(settings));
            }

            return resident.Encoder.Card.Sha256 == settings.ModelSha256
                ? resident.Encoder
                : throw new EncoderException(EncoderError.ModelChanged, $"The model {settings.Model} is not the one that the run was planned with; run again.");
        }
    }

    public void Dispose() => _resident?.Encoder.Dispose();
}
