using System.Buffers;

namespace ToNNO.Storage.Azure;

/// <summary>A part of a blob in a rented array.</summary>
internal readonly record struct BlobBlock(byte[]? Bytes, int Count)
{
    /// <summary>Reads so many bytes.</summary>
    /// <exception cref="EndOfStreamException">The content ends first.</exception>
    public static async Task<BlobBlock> ReadAsync(Stream content, int count, CancellationToken cancel)
    {
        var bytes = ArrayPool<byte>.Shared.Rent(count);
        await content.ReadExactlyAsync(bytes.AsMemory(0, count), cancel).ConfigureAwait(false);
        return new BlobBlock(bytes, count);
    }

    public void GiveBack()
    {
        if (Bytes is not null)
        {
            ArrayPool<byte>.Shared.Return(Bytes);
        }
    }
}
