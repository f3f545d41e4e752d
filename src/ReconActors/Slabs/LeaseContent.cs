using ToNNO.Contracts;
using ToNNO.Storage;

namespace ToNNO.ReconActors.Slabs;

/// <summary>What a slab takes of a lease.</summary>
/// <param name="Rows">The rows of all classes.</param>
/// <param name="Stacks">The maps of its directions for the slab's class, in order, where the heatmap is made of them.</param>
internal sealed record LeaseContent(RowsBlob Rows, IReadOnlyList<StackBlob> Stacks)
{
    /// <summary>Reads a lease's rows and stacks.</summary>
    /// <returns>Null where one of them is damaged.</returns>
    /// <exception cref="BlobStoreException">The store failed.</exception>
    public static async Task<LeaseContent?> ReadAsync(IBlobStore store, ReconProtocol.ApplyRows request, CancellationToken cancel)
    {
        if (request.Directions.First == 0)
        {
            await StoreMark.RequireAsync(store, request.Task.Store, cancel).ConfigureAwait(false);
        }

        var (offsets, classAt) = (request.Task.Plan().OffsetCount, request.Task.Slab(request.Slab).Class);
        var blob = await store.ReadAsync(request.Rows.Path, cancel).ConfigureAwait(false);
        if (RowsBlob.TryParse(blob.Bytes.Span, request.Directions, offsets, request.Task.Settings.Classes.Count) is not { } rows)
        {
            return null;
        }

        var stacks = new List<StackBlob>();
        for (var direction = request.Directions.First; request.Task.Settings.Maps is not null && direction < request.Directions.End; direction++)
        {
            var stream = await store.OpenReadAsync(request.Task.StackPath(classAt, direction), cancel).ConfigureAwait(false);
            await using (stream.ConfigureAwait(false))
            {
                if (StackBlob.TryRead(stream, stream.Length, classAt, direction, offsets) is not { } stack)
                {
                    return null;
                }

                stacks.Add(stack);
            }
        }

        return new LeaseContent(rows, stacks);
    }
}
