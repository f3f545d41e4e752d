using ToNNO.Imaging.Nifti;

namespace ToNNO.Imaging.Tests.Nifti;

public sealed class NiftiReaderTests
{
    /// <summary>Extremes of every type that float32 shows exactly or rounds to a known number.</summary>
    private static readonly (short Code, Array Stored, float[] Expected)[] Types =
    [
        (2, new byte[] { 0, 1, 127, 128, 255, 7, 8, 9 }, [0, 1, 127, 128, 255, 7, 8, 9]),
        (256, new sbyte[] { 0, 1, 127, -128, -1, 7, 8, 9 }, [0, 1, 127, -128, -1, 7, 8, 9]),
        (4, new short[] { 0, 1, 32767, -32768, -1, 256, 8, 9 }, [0, 1, 32767, -32768, -1, 256, 8, 9]),
        (512, new ushort[] { 0, 1, 32767, 32768, 65535, 256, 8, 9 }, [0, 1, 32767, 32768, 65535, 256, 8, 9]),
        (8, new[] { 0, 1, int.MaxValue, int.MinValue, -1, 65536, 8, 9 }, [0, 1, 2147483648f, -2147483648f, -1, 65536, 8, 9]),
        (768, new uint[] { 0, 1, uint.MaxValue, 1u << 31, 3, 65536, 8, 9 }, [0, 1, 4294967296f, 2147483648f, 3, 65536, 8, 9]),
        (1024, new[] { 0, 1, long.MaxValue, long.MinValue, -1, 1L << 40, 8, 9 }, [0, 1, 9223372036854775808f, -9223372036854775808f, -1, 1099511627776f, 8, 9]),
        (1280, new ulong[] { 0, 1, ulong.MaxValue, 1UL << 63, 3, 1UL << 40, 8, 9 }, [0, 1, 18446744073709551616f, 9223372036854775808f, 3, 1099511627776f, 8, 9]),
        (16, new[] { 0f, -0f, float.MaxValue, float.Epsilon, -1.5f, 1e-20f, 8, 9 }, [0f, -0f, float.MaxValue, float.Epsilon, -1.5f, 1e-20f, 8, 9]),
        (64, new[] { 0, 1, Math.PI, -1e30, 0.1, 1e-50, 8, 9 }, [0, 1, (float)Math.PI, -1e30f, 0.1f, 0, 8, 9]),
    ];

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(1, false, false)]
    [InlineData(1, true, false)]
    [InlineData(1, false, true)]
    [InlineData(2, false, false)]
    [InlineData(2, true, false)]
    [InlineData(2, true, true)]
    public void Read_EveryTypeInEveryOrder_SamplesAsStored(int version, bool bigEndian, bool gzip)
    {
        foreach (var (code, stored, expected) in Types)
        {
            var file = new NiftiFile { Version = version, BigEndian = bigEndian, DataType = code, Dim = [3, 2, 2, 2], Samples = stored };
            var read = NiftiFile.ReadBytes(gzip ? file.Gzip() : file.Bytes());
            Assert.Equal(expected, read.Volume.Samples.AsFloats());
            Assert.Equal((version, bigEndian, (NiftiDataType)code), (read.Header.Version, read.Header.IsBigEndian, read.Header.DataType));
        }
    }

    [Fact]
    public void Scan_EveryType_SameIntensitiesAsReadInOrder()
    {
        // 40 x 41 x 43 samples: two whole runs and a part.
        var values = Enumerable.Range(0, 40 * 41 * 43).Select(n => n % 251).ToArray();
        foreach (var (bigEndian, slope) in new[] { (false, 0.0), (true, 0.25) })
        {
            foreach (var (type, stored) in new (short, Array)[]
            {
                (4, values.Select(n => (short)(n - 100)).ToArray()), (64, values.Select(n => (double)n).ToArray()), (16, values.Select(n => n == 9 ? float.NaN : n).ToArray()),
            })
            {
                var file = new NiftiFile { Dim = [3, 40, 41, 43], DataType = type, Samples = stored, BigEndian = bigEndian, Slope = slope, Inter = 3 };
                foreach (var bytes in new[] { file.Bytes(), file.Gzip() })
                {
                    var passed = new List<float>();
                    var scan = NiftiReader.Scan(new MemoryStream(bytes), bytes.Length, "scan.nii", run => passed.AddRange(run), Token);
                    var read = NiftiFile.ReadBytes(bytes);
                    Assert.Equal(read.Volume.Samples.AsFloats(), passed);
                    Assert.Equal((read.NonFiniteCount, read.Header.Shape), (scan.NonFiniteCount, scan.Header.Shape));
                }
            }
        }
    }

    [Fact]
    public void Scan_TruncatedOrDamaged_Refused()
    {
        var file = new NiftiFile { Samples = Enumerable.Range(0, 24).Select(n => (float)n).ToArray() };
        foreach (var bytes in new[] { file.Bytes()[..^1], file.Gzip()[..^9], NiftiFile.Compress(file.Bytes()[..^4]) })
        {
            Assert.Throws<ImagingException>(() => NiftiReader.Scan(new MemoryStream(bytes), bytes.Length, "scan.nii", _ => { }, Token));
        }
    }

    [Theory]
    [InlineData(2, 10, 2 * 7 + 10)]
    [InlineData(-0.5, 0, -3.5)]
    [InlineData(1, -1024, 7 - 1024)]
    [InlineData(0, 5, 7)]
    [InlineData(double.NaN, 5, 7)]
    [InlineData(double.NaN, double.NaN, 7)]
    [InlineData(double.PositiveInfinity, 5, 7)]
    public void Read_SlopeAndIntercept_AppliedUnlessUndefined(double slope, double inter, float expected)
    {
        foreach (var type in new short[] { 4, 16 })
        {
            Array stored = type == 4 ? Enumerable.Repeat((short)7, 24).ToArray() : Enumerable.Repeat(7f, 24).ToArray();
            var read = new NiftiFile { DataType = type, Slope = slope, Inter = inter, Samples = stored }.Read();
            Assert.All(read.Volume.Samples.AsFloats(), sample => Assert.Equal(expected, sample));
        }
    }

    [Theory]
    [InlineData(2)]
    [InlineData(64)]
    [InlineData(16)]
    public void Read_ManyChunks_SamplesInOrder(short type)
    {
        // 40 x 41 x 43 samples: two whole chunks and a part.
        var values = Enumerable.Range(0, 40 * 41 * 43).Select(n => n % 251).ToArray();
        Array stored = type switch
        {
            2 => values.Select(n => (byte)n).ToArray(),
            64 => values.Select(n => (double)n).ToArray(),
            _ => values.Select(n => (float)n).ToArray(),
        };
        var file = new NiftiFile { Dim = [3, 40, 41, 43], DataType = type, Samples = stored };
        Assert.Equal(values.Select(n => (float)n), file.Read().Volume.Samples.AsFloats());
        Assert.Equal(values.Select(n => (float)n), NiftiFile.ReadBytes(file.Gzip()).Volume.Samples.AsFloats());
    }

    [Fact]
    public void Read_StreamGivingOneByteAtATime_SameSamples()
    {
        var file = new NiftiFile { Samples = Enumerable.Range(0, 24).Select(n => (float)n).ToArray(), Extension = new byte[5000] };
        foreach (var bytes in new[] { file.Bytes(), file.Gzip() })
        {
            var read = NiftiReader.Read(new DribblingStream(bytes), bytes.Length, "scan.nii", NiftiFile.NoLimit, Token);
            Assert.Equal(Enumerable.Range(0, 24).Select(n => (float)n), read.Volume.Samples.AsFloats());
        }
    }

    [Fact]
    public void Read_GzipOfSeveralMembers_ReadAsOne()
    {
        var bytes = new NiftiFile { Samples = Enumerable.Range(0, 24).Select(n => (float)n).ToArray() }.Bytes();
        byte[] members = [.. NiftiFile.Compress(bytes[..360]), .. NiftiFile.Compress(bytes[360..]), .. NiftiFile.Compress([])];
        Assert.Equal(23f, NiftiFile.ReadBytes(members).Volume.Samples.AsFloats()[^1]);
    }

    [Theory]
    [InlineData(4)]
    [InlineData(5)]
    [InlineData(7)]
    public void Read_TrailingDimensionsOfOne_IsAVolume(int rank)
    {
        long[] dim = [rank, 4, 3, 2, .. Enumerable.Repeat(1L, rank - 3)];
        var header = new NiftiFile { Dim = dim }.Read().Header;
        Assert.Equal((rank, new(4, 3, 2)), (header.Rank, header.Shape));
    }

    [Fact]
    public void Read_NonFiniteSamples_CountedAndRefusedOnRequest()
    {
        var stored = new float[24];
        (stored[3], stored[4], stored[23]) = (float.NaN, float.PositiveInfinity, float.NegativeInfinity);
        var read = new NiftiFile { Samples = stored }.Read();
        Assert.Equal(3, read.NonFiniteCount);
        var refusal = Assert.Throws<ImagingException>(() => read.RequireFinite("scan.nii"));
        Assert.Equal("volume.non_finite", refusal.Reason.Code());
        Assert.Contains("scan.nii has 3 voxels of 24", refusal.Message, StringComparison.Ordinal);
        new NiftiFile().Read().RequireFinite("scan.nii");
    }

    [Fact]
    public void Read_Float64BeyondFloat32_CountedAsNonFinite()
    {
        var stored = new double[24];
        (stored[0], stored[1]) = (1e300, -1e39);
        Assert.Equal(2, new NiftiFile { DataType = 64, Samples = stored }.Read().NonFiniteCount);
    }

    [Fact]
    public void Read_MemoryLimit_HoldsPredictedBytes()
    {
        var file = new NiftiFile { Dim = [3, 64, 64, 64], DataType = 2 };
        var predicted = file.ReadHeader().PredictedBytes;
        Assert.InRange(predicted, 64 * 64 * 64 * 4, (64 * 64 * 64 * 4) + (1 << 20));
        file.Read(predicted);
        var refusal = Assert.Throws<ImagingException>(() => file.Read(predicted - 1));
        Assert.Equal("volume.too_large", refusal.Reason.Code());
    }

    [Fact]
    public void Read_GzipVolume_AllocatesNoMoreThanPredicted()
    {
        var file = new NiftiFile { Dim = [3, 128, 128, 128], DataType = 64 };
        var (compressed, predicted) = (file.Gzip(), file.ReadHeader().PredictedBytes);
        NiftiFile.ReadBytes(compressed);
        var before = GC.GetAllocatedBytesForCurrentThread();
        NiftiFile.ReadBytes(compressed);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, predicted);
    }

    [Fact]
    public void Read_Cancelled_Throws()
    {
        using var cancelled = new CancellationTokenSource();
        cancelled.Cancel();
        var bytes = new NiftiFile().Bytes();
        Assert.Throws<OperationCanceledException>(
            () => NiftiReader.Read(new MemoryStream(bytes), bytes.Length, "scan.nii", NiftiFile.NoLimit, cancelled.Token));
    }

    [Fact]
    public void Read_StreamThatFails_ItsOwnExceptionPasses()
    {
        using var broken = new BrokenStream();
        Assert.Throws<TimeoutException>(() => NiftiReader.ReadHeader(broken, 1000, "scan.nii"));
    }

    [Fact]
    public void ReadHeader_LargeGzip_ReadsTheBeginningOnly()
    {
        var noise = new byte[64 * 64 * 64];
        new Random(1).NextBytes(noise);
        var compressed = new NiftiFile { Dim = [3, 64, 64, 64], DataType = 2, Samples = noise }.Gzip();
        using var stream = new MemoryStream(compressed);
        NiftiReader.ReadHeader(stream, compressed.Length, "scan.nii.gz");
        Assert.InRange(stream.Position, 1, compressed.Length / 4);
    }

    private sealed class DribblingStream(byte[] bytes) : MemoryStream(bytes)
    {
        public override int Read(Span<byte> buffer) => base.Read(buffer[..Math.Min(1, buffer.Length)]);

        public override int Read(byte[] buffer, int offset, int count) => base.Read(buffer, offset, Math.Min(1, count));
    }

    private sealed class BrokenStream : MemoryStream
    {
        public override int Read(Span<byte> buffer) => throw new TimeoutException();
    }
}
