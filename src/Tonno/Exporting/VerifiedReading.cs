using System.Runtime.ExceptionServices;
using System.Security.Cryptography;
using ToNNO.Contracts;
using ToNNO.Imaging;
using ToNNO.Storage;

namespace ToNNO.Tonno.Exporting;

/// <summary>Files of a result, held against their hashes while they are read.</summary>
internal static class VerifiedReading
{
    public const string Damaged = "result.damaged";
    public const string Missing = "result.missing";

    /// <summary>Reads a file of a result from its start; what was read counts only if this returns.</summary>
    /// <param name="read">Need not read to the end.</param>
    /// <exception cref="ExportException">The file is gone, or its bytes are not those that were published.</exception>
    /// <exception cref="ImagingException">What <paramref name="read"/> refuses, of a file that is whole.</exception>
    /// <exception cref="BlobStoreException">The store failed.</exception>
    public static async Task<T> ReadAsync<T>(IBlobStore store, VolumeResult result, string name, Func<Stream, long, T> read, CancellationToken cancel)
    {
        var facts = result.Files.GetValueOrDefault(name)
            ?? throw new ExportException(Damaged, $"The result of {result.VolumeId} tells of no {name}: verify the store, and run the volume again.");
        try
        {
            var stream = await store.OpenReadAsync(VolumeResult.FolderOf(result.VolumeId) + name, cancel).ConfigureAwait(false);
            await using (stream.ConfigureAwait(false))
            {
                using var hash = SHA256.Create();
                var hashing = new CryptoStream(stream, hash, CryptoStreamMode.Read, leaveOpen: true);
                await using (hashing.ConfigureAwait(false))
                {
                    var (value, refused) = Try(read, hashing, stream.Length);
                    await hashing.CopyToAsync(Stream.Null, cancel).ConfigureAwait(false);
                    if (Convert.ToHexStringLower(hash.Hash!) != facts.Sha256)
                    {
                        throw new ExportException(
                            Damaged, $"{name} of {result.VolumeId} is not the file that was published: verify the store, and run the volume again.", inner: refused?.SourceException);
                    }

                    refused?.Throw();
                    return value!;
                }
            }
        }
        catch (BlobStoreException gone) when (gone.Error is BlobStoreError.NotFound or BlobStoreError.InvalidPath)
        {
            throw new ExportException(Missing, $"{name} of {result.VolumeId} is gone: verify the store, and run the volume again.", inner: gone);
        }
    }

    /// <summary>What is refused of a file counts only where the file is the one that was published: else its damage is the reason.</summary>
    private static (T? Value, ExceptionDispatchInfo? Refused) Try<T>(Func<Stream, long, T> read, Stream stream, long lengthBytes)
    {
        try
        {
            return (read(stream, lengthBytes), null);
        }
        catch (ImagingException refused)
        {
            return (default, ExceptionDispatchInfo.Capture(refused));
        }
    }
}
