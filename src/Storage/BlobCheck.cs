using System.Security.Cryptography;

namespace ToNNO.Storage;

/// <summary>What a blob is against what it should be.</summary>
public enum BlobCondition
{
    Unspecified = 0,
    Missing,

    /// <summary>Its bytes are others.</summary>
    Damaged,
    Whole,
}

public static class BlobCheck
{
    /// <summary>Reads a blob through and holds it against the SHA-256 that it was written with.</summary>
    /// <param name="sha256">Lower-case hexadecimal.</param>
    /// <exception cref="BlobStoreException">Unavailable.</exception>
    public static async Task<BlobCondition> CheckAsync(this IBlobStore store, string path, string sha256, CancellationToken cancel)
    {
        try
        {
            var stream = await store.OpenReadAsync(path, cancel).ConfigureAwait(false);
            await using (stream.ConfigureAwait(false))
            {
                var hash = await SHA256.HashDataAsync(stream, cancel).ConfigureAwait(false);
                return Convert.ToHexStringLower(hash) == sha256 ? BlobCondition.Whole : BlobCondition.Damaged;
            }
        }
        catch (BlobStoreException missing) when (missing.Error is BlobStoreError.NotFound or BlobStoreError.InvalidPath)
        {
            return BlobCondition.Missing;
        }
    }
}
