using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace ToNNO.ReconActors.Publishing;

/// <summary>Hashes and counts what is written through it.</summary>
internal sealed class HashingStream(Stream destination, IncrementalHash hash) : Stream
{
    public long Written { get; private set; }

    public override bool CanRead => false;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => Written;
        set => throw new NotSupportedException();
    }

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        hash.AppendData(buffer);
        destination.Write(buffer);
        Written += buffer.Length;
    }

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    public override void Flush() => destination.Flush();

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();
}

internal static class VoxelHash
{
    /// <summary>Hashes the voxels' bits.</summary>
    public static void AppendVoxels(this IncrementalHash hash, ReadOnlySpan<float> voxels)
    {
        const int Chunk = 1 << 20; // a span of bytes ends at 2 GiB
        for (; !voxels.IsEmpty; voxels = voxels[Math.Min(Chunk, voxels.Length)..])
        {
            hash.AppendData(MemoryMarshal.AsBytes(voxels[..Math.Min(Chunk, voxels.Length)]));
        }
    }
}
