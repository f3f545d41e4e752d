using CsCheck;

namespace ToNNO.Contracts.Tests;

public class RowsBlobTests
{
    private static readonly Gen<RowsBlob> Blobs =
        Gen.Select(Gen.Int[0, 5000], Gen.Int[1, 6], Gen.Int[1, 9], Gen.Single.Array[1, 4], Gen.Long.Array[6]).SelectMany((first, count, offsets, blank, cost) =>
            Gen.Single.Array[blank.Length * count * offsets].Select(logits => new RowsBlob(
                new(first, count), offsets, blank, new(cost[0], cost[1], cost[2], new(cost[3]), new(cost[4]), new(cost[5])), logits)
            {
                Device = first % 2 == 0 ? "cuda:0" : "",
                Libtorch = first % 2 == 0 ? "2.10.0.0" : "",
                Batch = first % 2 == 0 ? 1 + first : null,
            }));

    [Fact]
    public void ToBytes_ThenTryParse_GivesTheSameBits() => Blobs.Sample(blob =>
    {
        var back = RowsBlob.TryParse(blob.ToBytes(), blob.Directions, blob.OffsetCount, blob.BlankLogits.Length);

        Assert.NotNull(back);
        Assert.Equal(blob.Directions, back.Directions);
        Assert.Equal(blob.OffsetCount, back.OffsetCount);
        Assert.Equal(blob.BlankLogits.Select(BitConverter.SingleToInt32Bits), back.BlankLogits.Select(BitConverter.SingleToInt32Bits));
        Assert.Equal(blob.Cost, back.Cost);
        Assert.Equal((blob.Device, blob.Libtorch, blob.Batch), (back.Device, back.Libtorch, back.Batch));
        Assert.Equal(blob.Logits.Select(BitConverter.SingleToInt32Bits), back.Logits.Select(BitConverter.SingleToInt32Bits));
        Assert.Equal(blob.ToBytes(), back.ToBytes());
    });

    [Fact]
    public void TryParse_OneBitFlipped_IsNull() => Gen.Select(Blobs, Gen.Int[0, int.MaxValue]).Sample((blob, at) =>
    {
        var bytes = blob.ToBytes();
        at %= bytes.Length * 8;
        bytes[at / 8] ^= (byte)(1 << (at % 8));
        Assert.Null(RowsBlob.TryParse(bytes, blob.Directions, blob.OffsetCount, blob.BlankLogits.Length));
    });

    [Fact]
    public void TryParse_CutOrGrown_IsNull() => Gen.Select(Blobs, Gen.Int[0, int.MaxValue]).Sample((blob, length) =>
    {
        var bytes = blob.ToBytes();
        Assert.Null(RowsBlob.TryParse(bytes.AsSpan(0, length % bytes.Length), blob.Directions, blob.OffsetCount, blob.BlankLogits.Length));
        Assert.Null(RowsBlob.TryParse([.. bytes, 0], blob.Directions, blob.OffsetCount, blob.BlankLogits.Length));
    });

    [Fact]
    public void TryParse_RowsOfOtherWork_IsNull()
    {
        var blob = new RowsBlob(new(16, 2), 6, [0], default, new float[12]);
        var bytes = blob.ToBytes();
        Assert.NotNull(RowsBlob.TryParse(bytes, new(16, 2), 6, 1));
        Assert.Null(RowsBlob.TryParse(bytes, new(32, 2), 6, 1));
        Assert.Null(RowsBlob.TryParse(bytes, new(16, 3), 4, 1));
        Assert.Null(RowsBlob.TryParse(bytes, new(16, 4), 3, 1));
        Assert.Null(RowsBlob.TryParse(bytes, new(16, 2), 6, 2));
        Assert.Null(RowsBlob.TryParse([], new(16, 2), 6, 1));
        // As many numbers, of other classes.
        var two = new RowsBlob(new(16, 1), 6, [0, 0], default, new float[12]).ToBytes();
        Assert.NotNull(RowsBlob.TryParse(two, new(16, 1), 6, 2));
        Assert.Null(RowsBlob.TryParse(two, new(16, 1), 13, 1));
    }

    [Fact]
    public void Of_Class_IsItsRows()
    {
        var blob = new RowsBlob(new(0, 2), 3, [7, 8], default, [.. Enumerable.Range(0, 12)]);
        Assert.Equal([0, 1, 2, 3, 4, 5], blob.Of(0).ToArray());
        Assert.Equal([6, 7, 8, 9, 10, 11], blob.Of(1).ToArray());
    }

    [Fact]
    public void Cost_Sum_IsMemberwise() => Assert.Equal(
        new RowsCost(11, 22, 33, new(44), new(55), new(66)),
        new RowsCost(1, 2, 3, new(4), new(5), new(6)) + new RowsCost(10, 20, 30, new(40), new(50), new(60)));
}
