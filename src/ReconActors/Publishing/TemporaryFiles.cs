using System.Security.Cryptography;
using ToNNO.Contracts;
using ToNNO.Imaging.Nifti;
using ToNNO.Storage;

namespace ToNNO.ReconActors.Publishing;

/// <summary>A volume's files under temporary names, hashed while they are written.</summary>
internal sealed class TemporaryFiles(IBlobStore store, VolumeTask task, CancellationToken cancel)
{
    private readonly Dictionary<string, VolumeResult.FileFacts> _written = new(StringComparer.Ordinal);

    /// <summary>What was written, by the name that the file is to have.</summary>
    public IReadOnlyDictionary<string, VolumeResult.FileFacts> Written => _written;

    public async Task WriteAsync(string name, Func<Stream, Task> write)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var size = 0L;
        await store.WriteAsync(
            task.WorkPrefix + name,
            async (stream, _) =>
            {
                var counting = new HashingStream(stream, hash);
                await using (counting.ConfigureAwait(false))
                {
                    await write(counting).ConfigureAwait(false);
                    size = counting.Written;
                }
            },
            cancel).ConfigureAwait(false);
        _written[name] = new VolumeResult.FileFacts(Convert.ToHexStringLower(hash.GetHashAndReset()), size);
    }

    /// <summary>Reads a heatmap back as any reader would, and refuses it unless grid and voxels are the ones meant.</summary>
    /// <param name="meant">SHA-256 of the voxels.</param>
    public async Task VerifyHeatmapAsync(string name, NiftiHeader source, byte[] meant)
    {
        using var read = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var stream = await store.OpenReadAsync(task.WorkPrefix + name, cancel).ConfigureAwait(false);
        await using (stream.ConfigureAwait(false))
        {
            var written = NiftiReader.Scan(stream, stream.Length, name, read.AppendVoxels, cancel);
            written.Header.RequireSameGrid(source, task.VolumeId.Value);
            if (!read.GetHashAndReset().AsSpan().SequenceEqual(meant))
            {
                throw new BlobStoreException(BlobStoreError.Unavailable, $"The heatmap of {task.VolumeId} was not read back as it was written.");
            }
        }
    }
}
