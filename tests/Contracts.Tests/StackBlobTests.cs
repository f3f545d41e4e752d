using CsCheck;

namespace ToNNO.Contracts.Tests;

public class StackBlobTests
{
    private static readonly Gen<StackBlob> Blobs = Gen.Select(Gen.Int[0, 5000], Gen.Int[1, 4], Gen.Int[1, 5]).SelectMany((direction, edge, offsets) =>
        Gen.Select(Gen.Single.Array[edge * edge], Gen.Single.Array[edge * edge * offsets]).Select((blank, maps) => new StackBlob(direction % 3, direction, new(edge, 1.5 * edge, -0.25), blank, maps)));

    private static byte[] Bytes(StackBlob blob)
    {
        using var stream = new MemoryStream();
        blob.WriteTo(stream);
        return stream.ToArray();
    }

    private static StackBlob? Read(byte[] bytes, int classAt, int direction, int offsets) =>
        StackBlob.TryRead(new MemoryStream(bytes), bytes.Length, classAt, direction, offsets);

    [Fact]
    public void WriteTo_ThenTryRead_GivesTheSameBits() => Blobs.Sample(blob =>
    {
        var back = Read(Bytes(blob), blob.Class, blob.Direction, blob.OffsetCount)!;
        Assert.Equal((blob.Direction, blob.Grid, blob.OffsetCount), (back.Direction, back.Grid, back.OffsetCount));
        Assert.Equal(Bytes(blob), Bytes(back));
    });

    [Fact]
    public void TryRead_OneBitFlipped_IsNull() => Gen.Select(Blobs, Gen.Int[0, int.MaxValue]).Sample((blob, at) =>
    {
        var bytes = Bytes(blob);
        at %= bytes.Length * 8;
        bytes[at / 8] ^= (byte)(1 << (at % 8));
        Assert.Null(Read(bytes, blob.Class, blob.Direction, blob.OffsetCount));
    });

    [Fact]
    public void TryRead_CutOrGrown_IsNull() => Gen.Select(Blobs, Gen.Int[0, int.MaxValue]).Sample((blob, length) =>
    {
        var bytes = Bytes(blob);
        Assert.Null(Read(bytes[..(length % bytes.Length)], blob.Class, blob.Direction, blob.OffsetCount));
        Assert.Null(Read([.. bytes, 0], blob.Class, blob.Direction, blob.OffsetCount));
    });

    [Fact]
    public void TryRead_StackOfOtherWork_IsNull()
    {
        var bytes = Bytes(new StackBlob(1, 3, new(2, 1, 0), new float[4], new float[20]));
        Assert.NotNull(Read(bytes, 1, 3, 5));
        Assert.Null(Read(bytes, 1, 4, 5));
        Assert.Null(Read(bytes, 1, 3, 4));
        Assert.Null(Read(bytes, 0, 3, 5));
    }

    [Fact]
    public void TryRead_LengthThatLies_IsNull()
    {
        // The store says that the blob is as long as its header claims, but the bytes end before.
        var bytes = Bytes(new StackBlob(1, 3, new(2, 1, 0), new float[4], new float[20]));
        Assert.Null(StackBlob.TryRead(new MemoryStream(bytes[..60]), bytes.Length, 1, 3, 5));
    }
}
