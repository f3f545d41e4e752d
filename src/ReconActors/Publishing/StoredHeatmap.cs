using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using ToNNO.Contracts;
using ToNNO.Storage;

namespace ToNNO.ReconActors.Publishing;

/// <summary>A heatmap as it lies in the store, in slabs. It is read anew for each purpose, a slab at a time, so that publishing
/// takes the memory of one slab and not of several heatmaps.</summary>
/// <param name="slabs">The slabs of the task, in order.</param>
/// <param name="classAt">Place of the heatmap's class among those of the settings.</param>
internal sealed class StoredHeatmap(IBlobStore store, VolumeTask task, IReadOnlyList<BlobRef> slabs, int classAt)
{
    /// <summary>The slabs in order.</summary>
    /// <exception cref="BlobStoreException">A slab is not there, or is shorter than it was written.</exception>
    public async IAsyncEnumerable<HeatmapSlab> SlabsAsync([EnumeratorCancellation] CancellationToken cancel)
    {
        var planeVoxels = task.Geometry.Shape.I * task.Geometry.Shape.J;
        float[] voxels = [];
        for (var index = classAt * task.SlabsPerHeatmap; index < (classAt + 1) * task.SlabsPerHeatmap; index++)
        {
            var range = task.Slab(index);
            var count = checked(range.CountK * planeVoxels);
            if (voxels.Length < count)
            {
                voxels = GC.AllocateUninitializedArray<float>(count);
            }

            var stream = await store.OpenReadAsync(slabs[index].Path, cancel).ConfigureAwait(false);
            await using (stream.ConfigureAwait(false))
            {
                Read(stream, voxels.AsSpan(0, count), slabs[index].Path);
            }

            yield return new HeatmapSlab(range, voxels.AsMemory(0, count));
        }
    }

    private static void Read(Stream stream, Span<float> voxels, string path)
    {
        try
        {
            const int Chunk = 1 << 20; // a span of bytes ends at 2 GiB
            for (var at = 0; at < voxels.Length; at += Chunk)
            {
                stream.ReadExactly(MemoryMarshal.AsBytes(voxels.Slice(at, Math.Min(Chunk, voxels.Length - at))));
            }
        }
        catch (EndOfStreamException damaged)
        {
            throw new BlobStoreException(BlobStoreError.Unavailable, $"The slab at {path} is shorter than it was written.", damaged);
        }
    }
}

/// <summary>A slab in memory.</summary>
/// <param name="Range">Its planes.</param>
/// <param name="Voxels"><c>[k, j, i]</c>; valid until the next slab is asked for.</param>
internal readonly record struct HeatmapSlab(SlabRange Range, ReadOnlyMemory<float> Voxels);
