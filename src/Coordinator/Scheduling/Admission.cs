using ToNNO.Contracts;

namespace ToNNO.Coordinator.Scheduling;

/// <summary>Which volumes may be in work at once, by the memory that they are predicted to take: one budget for all runs. The run of the
/// highest rank is first, of those the one with the fewest volumes in work, of those the one that has waited longest. Pure.</summary>
/// <typeparam name="TVolume">Names a volume of a run.</typeparam>
internal sealed class Admission<TVolume>(long budgetBytes, int maximumVolumes)
    where TVolume : notnull
{
    private readonly Dictionary<TVolume, Place> _admitted = [];
    private readonly Dictionary<RunId, LinkedList<Place>> _waiting = [];
    private readonly Dictionary<RunId, int> _inWork = [];
    private readonly HashSet<TVolume> _staying = [];
    private Load _load;
    private long _arrivals;

    /// <summary>True where a volume of this size could never be admitted.</summary>
    public bool Exceeds(long sizeBytes) => sizeBytes > budgetBytes;

    /// <param name="alone">No other volume is to be in work with it.</param>
    public void Request(TVolume volume, RunId run, long sizeBytes, bool alone = false)
    {
        if (!_waiting.TryGetValue(run, out var queue))
        {
            _waiting[run] = queue = [];
        }

        queue.AddLast(new Place(volume, run, sizeBytes, alone, ++_arrivals));
    }

    /// <summary>A volume in work is about to end: it gives way to none.</summary>
    public void Stay(TVolume volume)
    {
        if (_admitted.ContainsKey(volume))
        {
            _staying.Add(volume);
        }
    }

    /// <summary>A volume is in work no longer, or does not want to be.</summary>
    public void Release(TVolume volume)
    {
        _staying.Remove(volume);
        if (_admitted.Remove(volume, out var place))
        {
            _load = _load.Without(place);
            if (--_inWork[place.Run] == 0)
            {
                _inWork.Remove(place.Run);
            }

            return;
        }

        if (_waiting.Values.SelectMany(queue => queue).FirstOrDefault(one => one.Volume.Equals(volume)) is { } waiting)
        {
            Dequeue(waiting);
        }
    }

    /// <summary>The volumes that may start now, in their order.</summary>
    /// <param name="rank">Of a run; null where none of its volumes may start.</param>
    public IReadOnlyList<TVolume> Admit(Func<RunId, int?> rank)
    {
        var started = new List<TVolume>();
        while (Next(rank) is { } next && Fits(next, _load))
        {
            Dequeue(next);
            _admitted.Add(next.Volume, next);
            _inWork[next.Run] = _inWork.GetValueOrDefault(next.Run) + 1;
            _load = _load.With(next);
            started.Add(next.Volume);
        }

        return started;
    }

    /// <summary>Volumes in work of lower rank, which must go for the next one to start: the lowest, and of those the latest, first. None
    /// where it could not start all the same.</summary>
    /// <inheritdoc cref="Admit"/>
    public IReadOnlyList<TVolume> MustGiveWay(Func<RunId, int?> rank)
    {
        if (Next(rank) is not { } next || Fits(next, _load) || !_inWork.Keys.Any(IsLower))
        {
            return [];
        }

        var (go, rest) = (new List<TVolume>(), _load);
        var lower = _admitted.Values.Where(place => IsLower(place.Run) && !_staying.Contains(place.Volume));
        foreach (var place in lower.OrderBy(place => RankOf(place.Run)).ThenByDescending(place => place.Arrival))
        {
            go.Add(place.Volume);
            rest = rest.Without(place);
            if (Fits(next, rest))
            {
                return go;
            }
        }

        return [];

        int RankOf(RunId run) => rank(run) ?? int.MinValue;

        bool IsLower(RunId run) => RankOf(run) < RankOf(next.Run);
    }

    private Place? Next(Func<RunId, int?> rank) => _waiting
        .Where(run => rank(run.Key) is not null)
        .Select(run => run.Value.First!.Value)
        .OrderByDescending(first => rank(first.Run))
        .ThenBy(first => _inWork.GetValueOrDefault(first.Run))
        .ThenBy(first => first.Arrival)
        .FirstOrDefault();

    private bool Fits(Place next, Load beside) => beside.Volumes == 0
        || (!next.Alone && !beside.Alone && beside.Volumes < maximumVolumes && beside.SizeBytes + next.SizeBytes <= budgetBytes);

    private void Dequeue(Place place)
    {
        _waiting[place.Run].Remove(place);
        if (_waiting[place.Run].Count == 0)
        {
            _waiting.Remove(place.Run);
        }
    }

    private sealed record Place(TVolume Volume, RunId Run, long SizeBytes, bool Alone, long Arrival);

    /// <param name="Alone">One of the volumes is to be alone, and is.</param>
    private readonly record struct Load(int Volumes, long SizeBytes, bool Alone)
    {
        public Load With(Place place) => new(Volumes + 1, SizeBytes + place.SizeBytes, place.Alone);

        public Load Without(Place place) => new(Volumes - 1, SizeBytes - place.SizeBytes, Alone && !place.Alone);
    }
}
