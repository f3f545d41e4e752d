using ToNNO.Contracts;

namespace ToNNO.ReconActors.Publishing;

/// <summary>What encoded the leases of a volume: each thing once, in order.</summary>
internal sealed class EncodedBy
{
    public SortedSet<string> Devices { get; } = new(StringComparer.Ordinal);

    public SortedSet<string> Libtorchs { get; } = new(StringComparer.Ordinal);

    public SortedSet<int> Batches { get; } = [];

    public void Add(RowsBlob rows)
    {
        Devices.Add(rows.Device);
        if (rows.Libtorch.Length > 0)
        {
            Libtorchs.Add(rows.Libtorch);
        }

        if (rows.Batch is { } batch)
        {
            Batches.Add(batch);
        }
    }
}
