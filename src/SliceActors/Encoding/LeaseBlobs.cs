using ToNNO.Contracts;
using ToNNO.Storage;

namespace ToNNO.SliceActors.Encoding;

/// <summary>What an encoder reads from the store, and what it leaves there.</summary>
internal static class LeaseBlobs
{
    /// <summary>Reads a lease's part of its pass's guide.</summary>
    /// <returns>Logits <c>[class, direction, offset]</c>; null where the guide is damaged.</returns>
    /// <exception cref="BlobStoreException">The store failed.</exception>
    public static async Task<float[]?> ReadGuideAsync(this IBlobStore store, SliceProtocol.EncodeLease lease, BlobRef guide, CancellationToken cancel)
    {
        var (task, directions, offsets) = (lease.Task, lease.Directions, lease.Task.Plan().OffsetCount);
        var pass = task.Passes().Single(pass => pass.First <= directions.First && directions.End <= pass.End);
        var blob = await store.ReadAsync(guide.Path, cancel).ConfigureAwait(false);
        if (RowsBlob.TryParse(blob.Bytes.Span, pass, offsets, task.Settings.Classes.Count) is not { } rows)
        {
            return null;
        }

        var (part, ofClass) = (new float[task.Settings.Classes.Count * directions.Count * offsets], directions.Count * offsets);
        for (var classAt = 0; classAt < task.Settings.Classes.Count; classAt++)
        {
            rows.Of(classAt).Slice((directions.First - pass.First) * offsets, ofClass).CopyTo(part.AsSpan(classAt * ofClass));
        }

        return part;
    }

    /// <summary>Writes a lease's stacks, where it has any, and then its rows: rows that are there vouch for their stacks.</summary>
    /// <exception cref="BlobStoreException">The store failed.</exception>
    public static async Task<BlobRef> WriteLeaseAsync(this IBlobStore store, VolumeTask task, EncodedLease lease, CancellationToken cancel)
    {
        foreach (var stack in lease.Stacks)
        {
            await store.WriteAsync(
                task.StackPath(stack.Class, stack.Direction),
                (stream, _) =>
                {
                    stack.WriteTo(stream);
                    return Task.CompletedTask;
                },
                cancel).ConfigureAwait(false);
        }

        var path = task.RowsPath(lease.Rows.Directions);
        var etag = await store.WriteAsync(path, lease.Rows.ToBytes(), WriteCondition.Always, cancel).ConfigureAwait(false);
        return new BlobRef(path, etag.Value);
    }
}
