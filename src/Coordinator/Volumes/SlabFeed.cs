using System.Collections.Immutable;
using ToNNO.Contracts;

namespace ToNNO.Coordinator.Volumes;

/// <summary>Which rows each slab gets next. Pure. Every slab takes the leases in direction order, one at a time, whatever the
/// order in which they were encoded: the order fixes the heatmap's bytes.</summary>
internal sealed record SlabFeed(
    int DirectionCount,
    ImmutableDictionary<int, (DirectionRange Range, BlobRef Rows)> Rows,
    ImmutableArray<SlabFeed.SlabStand> Slabs)
{
    public bool Complete => Slabs.All(slab => slab.Voxels is not null);

    public static SlabFeed Of(int directionCount, int slabCount) => new(
        directionCount,
        ImmutableDictionary<int, (DirectionRange, BlobRef)>.Empty,
        [.. Enumerable.Repeat(new SlabStand(0, false, null, TimeSpan.Zero), slabCount)]);

    public SlabFeed Stored(DirectionRange range, BlobRef rows) => this with { Rows = Rows.SetItem(range.First, (range, rows)) };

    /// <summary>A slab says where it stands: further on, or back at the start where it was lost and begun anew.</summary>
    public SlabFeed Applied(int slab, int nextDirection) => Change(slab, Slabs[slab] with { Next = nextDirection, Asked = false });

    public SlabFeed Completed(int slab, BlobRef voxels, TimeSpan elapsed) =>
        Change(slab, Slabs[slab] with { Next = DirectionCount, Asked = false, Voxels = voxels, Elapsed = elapsed });

    /// <summary>A slab did not answer: what it was asked is asked again.</summary>
    public SlabFeed Overdue(int slab) => Change(slab, Slabs[slab] with { Asked = false });

    /// <summary>What may be sent now; the feed returned counts it as asked.</summary>
    public (SlabFeed Next, IReadOnlyList<Errand> Errands) Send()
    {
        var errands = new List<Errand>();
        var slabs = Slabs.ToBuilder();
        for (var slab = 0; slab < slabs.Count; slab++)
        {
            var stand = slabs[slab];
            if (stand.Asked || stand.Voxels is not null || !Rows.TryGetValue(stand.Next, out var rows))
            {
                continue;
            }

            errands.Add(new Errand(slab, rows.Range, rows.Rows));
            slabs[slab] = stand with { Asked = true };
        }

        return (this with { Slabs = slabs.ToImmutable() }, errands);
    }

    private SlabFeed Change(int slab, SlabStand stand) => Slabs[slab].Voxels is not null ? this : this with { Slabs = Slabs.SetItem(slab, stand) };

    /// <param name="Next">First direction that the slab lacks.</param>
    /// <param name="Asked">Rows are on their way to it.</param>
    /// <param name="Voxels">The finished slab.</param>
    public sealed record SlabStand(int Next, bool Asked, BlobRef? Voxels, TimeSpan Elapsed);

    /// <summary>Rows that a slab is to apply.</summary>
    public sealed record Errand(int Slab, DirectionRange Range, BlobRef Rows);
}
