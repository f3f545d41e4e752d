using System.Security.Cryptography;
using ToNNO.Contracts;
using ToNNO.Imaging.Nifti;
using ToNNO.Storage;

namespace ToNNO.ReconActors.Publishing;

/// <summary>A volume's files under temporary names, hashed while they are written. The names are this attempt's own: publishers of the
/// same volume, of whom one may have been frozen for long, never write into each other's files.</summary>
internal sealed class TemporaryFiles(IBlobStore store, VolumeTask task, CancellationToken cancel)
{
    private readonly string _prefix = $"{AttemptsOf(task.VolumeId)}{Guid.CreateVersion7():N}/";
    private readonly Dictionary<string, VolumeResult.FileFacts> _written = new(StringComparer.Ordinal);

    /// <summary>What was written so far, by the name that the file is to have.</summary>
    public IReadOnlyDictionary<string, VolumeResult.FileFacts> Written => new Dictionary<string, VolumeResult.FileFacts>(_written, StringComparer.Ordinal);

    /// <summary>Prefix of the temporary files of all attempts at a volume.</summary>
    public static string AttemptsOf(VolumeId volume) => $".tonno/tasks/{volume}/publish/";

    /// <summary>The temporary name of a file.</summary>
    public string this[string name] => _prefix + name;

    public async Task WriteAsync(string name, Func<Stream, Task> write)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var size = 0L;
        await store.WriteAsync(
            this[name],
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
        var stream = await store.OpenReadAsync(this[name], cancel).ConfigureAwait(false);
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

    /// <summary>True while all that was written is there: no other attempt has put an end to this one.</summary>
    public async Task<bool> StandAsync()
    {
        var present = 0;
        await foreach (var path in store.ListAsync(_prefix, cancel).ConfigureAwait(false))
        {
            present += _written.ContainsKey(path[_prefix.Length..]) ? 1 : 0;
        }

        return present == _written.Count;
    }

    /// <summary>Puts an end to all other attempts at the volume: what they have not named yet, they can name no more.</summary>
    public async Task EndOthersAsync()
    {
        await foreach (var path in store.ListAsync(AttemptsOf(task.VolumeId), cancel).ConfigureAwait(false))
        {
            if (!path.StartsWith(_prefix, StringComparison.Ordinal))
            {
                await store.DeleteAsync(path, cancel).ConfigureAwait(false);
            }
        }
    }

    /// <summary>Removes what this attempt left.</summary>
    public async Task RemoveAsync()
    {
        await foreach (var path in store.ListAsync(_prefix, cancel).ConfigureAwait(false))
        {
            await store.DeleteAsync(path, cancel).ConfigureAwait(false);
        }
    }
}
