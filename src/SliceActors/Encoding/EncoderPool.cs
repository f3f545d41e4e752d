using ToNNO.Contracts;
using ToNNO.Encoders;

namespace ToNNO.SliceActors.Encoding;

/// <summary>The models that this node's encoders share, each loaded once. On processors those of two runs stay side by side, since runs of one priority
/// take turns: of three, the one that was used longest ago makes room. On a device there is one: its memory is for batches, whose sizes decide the
/// last bits of logits.</summary>
internal sealed class EncoderPool(Func<RunSettings, ISliceEncoder> open) : IDisposable
{
    private const string Processor = "cpu";

    private readonly Lock _lock = new();

    /// <summary>The one used last at the end.</summary>
    private readonly List<Resident> _residents = [];

    /// <summary>The encoder of a run, until what is returned is disposed.</summary>
    /// <exception cref="EncoderException">The model cannot be loaded, or is not the one that the run was planned with.</exception>
    public Use Borrow(RunSettings settings)
    {
        lock (_lock)
        {
            var resident = _residents.Find(one => one.Model == settings.Model && one.Encoder.Card.Sha256 == settings.ModelSha256) ?? Load(settings);
            _residents.Remove(resident);
            _residents.Add(resident);
            resident.Users++;
            return new Use(this, resident);
        }
    }

    public void Dispose()
    {
        lock (_lock)
        {
            _residents.ToList().ForEach(Drop);
        }
    }

    private Resident Load(RunSettings settings)
    {
        // What has changed where it lies is not the model of any run to come.
        foreach (var resident in _residents.Where(one => one.Model == settings.Model).ToList())
        {
            Drop(resident);
        }

        while (_residents.Count >= (_residents.Exists(one => one.Encoder.Device != Processor) ? 1 : 2))
        {
            Drop(_residents.Find(one => one.Users == 0) ?? _residents[0]);
        }

        var loaded = new Resident(settings.Model, open(settings));
        if (loaded.Encoder.Card.Sha256 != settings.ModelSha256)
        {
            loaded.Encoder.Dispose();
            throw new EncoderException(EncoderError.ModelChanged, $"The model {settings.Model} is not the one that the run was planned with; run again.");
        }

        return loaded;
    }

    /// <summary>Another thread may still be encoding with it: it goes when that is done.</summary>
    private void Drop(Resident resident)
    {
        _residents.Remove(resident);
        if (resident.Users == 0)
        {
            resident.Encoder.Dispose();
        }
    }

    private void Return(Resident resident)
    {
        lock (_lock)
        {
            if (--resident.Users == 0 && !_residents.Contains(resident))
            {
                resident.Encoder.Dispose();
            }
        }
    }

    /// <summary>An encoder in use.</summary>
    public readonly struct Use : IDisposable
    {
        private readonly EncoderPool _pool;
        private readonly Resident _resident;

        internal Use(EncoderPool pool, Resident resident) => (_pool, _resident) = (pool, resident);

        public ISliceEncoder Encoder => _resident.Encoder;

        public void Dispose() => _pool.Return(_resident);
    }

    internal sealed class Resident(string model, ISliceEncoder encoder)
    {
        public string Model { get; } = model;

        public ISliceEncoder Encoder { get; } = encoder;

        public int Users { get; set; }
    }
}
