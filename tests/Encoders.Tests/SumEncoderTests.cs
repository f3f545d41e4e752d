namespace ToNNO.Encoders.Tests;

public sealed class SumEncoderTests
{
    [Theory]
    [InlineData(10.0, 1.0)]
    [InlineData(10.0, 0.5)]
    [InlineData(7.3, 0.25)]
    public void Encode_Disc_GivesItsArea(double radiusMm, double pixelMm)
    {
        const int Size = 101;
        var pixels = new float[Size * Size];
        for (var i = 0; i < pixels.Length; i++)
        {
            var (x, y) = (pixelMm * ((i % Size) - 50), pixelMm * ((i / Size) - 50));
            pixels[i] = (x * x) + (y * y) <= radiusMm * radiusMm ? 1 : 0;
        }

        using var encoder = new SumEncoder();
        var logit = EncoderFixtures.Encode(encoder, pixels, 1, Size, pixelMm)[0];

        // Only pixels on the rim, some 2πr/q of them, are wrong, and their errors of at most half a pixel mostly cancel.
        var rim = 2 * Math.PI * radiusMm * pixelMm;
        Assert.True(Math.Abs(logit - (Math.PI * radiusMm * radiusMm)) < 0.25 * rim);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(16)]
    [InlineData(29)]
    public void Encode_AnySize_AgreesWithSumInDouble(int size)
    {
        var pixels = EncoderFixtures.Pixels(seed: size, 5 * size * size);
        using var encoder = new SumEncoder();
        var logits = EncoderFixtures.Encode(encoder, pixels, 5, size, pixelMm: 1.5);
        for (var i = 0; i < 5; i++)
        {
            var expected = 2.25 * pixels.AsSpan(i * size * size, size * size).ToArray().Sum(pixel => (double)pixel);
            Assert.Equal((float)expected, logits[i], 1e-5f * size);
        }
    }

    [Fact]
    public void Encode_ManyTinyPixelsBesideHugeOne_KeepsThem()
    {
        // In float, 1e8 + 1 is 1e8: a sum in float would lose every one of them.
        var pixels = new float[64 * 64];
        pixels.AsSpan().Fill(1);
        pixels[0] = 1e8f;
        using var encoder = new SumEncoder();
        Assert.Equal((float)(1e8 + 4095), EncoderFixtures.Encode(encoder, pixels, 1, 64)[0]);
    }

    [Fact]
    public void Encode_NaN_NamesTheSlice()
    {
        var pixels = new float[3 * 4];
        pixels[9] = float.NaN;
        using var encoder = new SumEncoder();
        var error = Assert.Throws<EncoderException>(() => EncoderFixtures.Encode(encoder, pixels, 3, 2));
        Assert.Equal("encoder.non_finite_logit", error.Code);
        Assert.StartsWith("Slice 2 ", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Encode_WrongLengths_AreRefused()
    {
        using var encoder = new SumEncoder();
        Assert.Throws<ArgumentException>(() => encoder.Encode(new float[7], 2, new SliceFormat(2, 1), new float[2]));
        Assert.Throws<ArgumentException>(() => encoder.Encode(new float[8], 2, new SliceFormat(2, 1), new float[3]));
        Assert.Throws<ArgumentOutOfRangeException>(() => encoder.Encode(new float[8], 2, new SliceFormat(2, double.NaN), new float[2]));
    }
}
