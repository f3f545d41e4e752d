using ToNNO.Contracts;

namespace ToNNO.Coordinator.Volumes;

/// <summary>How far the slabs of a volume are behind its rows: how long rows that could be added, since all before them are stored too, wait
/// until a slab has them. Pure.</summary>
internal sealed class SlabLag(int slabCount)
{
    private readonly Dictionary<int, int> _early = [];
    private readonly List<(int End, TimeSpan Since)> _ready = [];
    private readonly int[] _reached = new int[slabCount];

    /// <summary>Rows are in the store.</summary>
    public void Stored(DirectionRange rows, TimeSpan now)
    {
        _early[rows.First] = rows.End;
        while (_early.Remove(_ready.Count == 0 ? 0 : _ready[^1].End, out var end))
        {
            _ready.Add((end, now));
        }
    }

    /// <summary>A slab has all directions before <paramref name="next"/>; one that was lost has fewer than before.</summary>
    /// <returns>The lag of each block that it has for the first time.</returns>
    public IReadOnlyList<TimeSpan> Applied(int slab, int next, TimeSpan now)
    {
        var reached = _reached[slab];
        _reached[slab] = Math.Max(reached, next);
        return [.. _ready.Where(rows => rows.End > reached && rows.End <= next).Select(rows => now - rows.Since)];
    }
}
