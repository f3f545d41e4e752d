using CsCheck;
using ToNNO.Imaging.Nifti;
using ToNNO.Tomography.Geometry;

namespace ToNNO.Imaging.Tests.Nifti;

public sealed class NiftiWriterTests
{
    private static readonly Gen<double> Number = Gen.Double[-1000, 1000];

    /// <summary>Headers with both forms random, in use or not, sform skewed at will.</summary>
    private static readonly Gen<NiftiFile> Files =
        from version in Gen.Int[1, 2]
        from bigEndian in Gen.Bool
        from codes in Gen.Select(Gen.Int[0, 5], Gen.Int[0, 5])
        from sform in Number.Array[12]
        from quaternion in Gen.Double[-0.57, 0.57].Array[3]
        from offset in Number.Array[3]
        from pixdim in Gen.Double[0.1, 9].Array[7]
        from qfac in Gen.Int[-1, 1]
        from units in Gen.Int[0, 3]
        from time in Gen.Int[0, 6]
        from rank in Gen.Int[3, 7]
        select new NiftiFile
        {
            Version = version,
            BigEndian = bigEndian,
            QFormCode = codes.Item1,
            SFormCode = codes.Item2,
            SForm = sform,
            Quaternion = quaternion,
            QOffset = offset,
            PixDim = [qfac, .. pixdim],
            Units = units + (8 * time),
            Dim = [rank, 4, 3, 2, .. Enumerable.Repeat(1L, rank - 3)],
        };

    [Fact]
    public void Write_AnyGrid_ReadsBackBitForBit() => Files.Sample(file =>
    {
        NiftiHeader source;
        try
        {
            source = file.ReadHeader();
        }
        catch (ImagingException refusal) when (refusal.Reason == RejectReason.VolumeGeometryInvalid)
        {
            return;
        }

        var written = Heatmap(source, new float[24]);
        var read = NiftiFile.ReadBytes(written).Header;
        source.RequireSameGrid(read, "heatmap.nii");
        Assert.Equal(source.Geometry, read.Geometry);
        Assert.Equal((source.Version, false, NiftiDataType.Float32), (read.Version, read.IsBigEndian, read.DataType));

        // And without the reader: these ranges of a little-endian source must stand in the result as they are.
        var littleEndian = file.BigEndian ? null : file.Header();
        foreach (var (start, length) in file.Version == 1
            ? new[] { (40, 16), (76, 32), (123, 1), (252, 76) }
            : [(16, 64), (104, 64), (344, 152), (500, 4)])
        {
            // Dimensions past the rank are written as 1, whatever they were.
            var end = start is 40 or 16 ? start + ((int)(file.Dim[0] + 1) * length / 8) : start + length;
            Assert.True(littleEndian is null || littleEndian.AsSpan(start..end).SequenceEqual(written.AsSpan(start..end)));
        }
    });

    [Fact]
    public void Write_RandomAffines_GeometrySurvives() =>
        Number.Array[12].Sample(m =>
        {
            var affine = new AffineTransform(new(m[0], m[1], m[2]), new(m[3], m[4], m[5]), new(m[6], m[7], m[8]), new(m[9], m[10], m[11]));
            var (i, j, k) = (affine.I.Length, affine.J.Length, affine.K.Length);
            if (Math.Min(i, Math.Min(j, k)) < 1e-3 || Math.Abs(affine.Determinant) < 1e-3 * i * j * k)
            {
                return;
            }

            var header = NiftiHeader.Create(new(new(4, 3, 2), affine));
            var read = NiftiFile.ReadBytes(Heatmap(header, new float[24])).Header;
            header.RequireSameGrid(read, "heatmap.nii");
            Assert.Equal(header.Geometry, read.Geometry);
            // float32 holds 1000 mm to 6e-5.
            Assert.True((affine.ToWorld(1, 1, 1) - read.Geometry.Affine.ToWorld(1, 1, 1)).Length < 5e-4);
        });

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Append_InPieces_SamplesInOrder(bool compress)
    {
        var header = new NiftiFile { Slope = 3, Inter = 4, DataType = 4 }.ReadHeader();
        var samples = Enumerable.Range(0, 24).Select(n => n * 0.1f).ToArray();
        using var stream = new MemoryStream();
        using (var writer = NiftiWriter.ForHeatmap(stream, header, -1, 2, compress: compress))
        {
            writer.Append(samples.AsSpan(0, 7));
            writer.Append(ReadOnlySpan<float>.Empty);
            writer.Append(samples.AsSpan(7));
            writer.Complete();
        }

        Assert.Equal(compress, stream.ToArray() is [0x1f, 0x8b, ..]);
        var read = NiftiFile.ReadBytes(stream.ToArray());
        Assert.Equal(samples, read.Volume.Samples.AsFloats());
        Assert.Equal((1, 0, 352), (read.Header.SclSlope, read.Header.SclInter, read.Header.VoxOffset));
    }

    [Fact]
    public void ForMask_Samples_AreBytes()
    {
        using var stream = new MemoryStream();
        using var writer = NiftiWriter.ForMask(stream, new NiftiFile { Version = 2 }.ReadHeader());
        var mask = Enumerable.Range(0, 24).Select(n => (byte)(n & 1)).ToArray();
        writer.Append(mask);
        writer.Complete();
        Assert.Equal(544 + 24, stream.Length);
        var read = NiftiFile.ReadBytes(stream.ToArray());
        Assert.Equal(NiftiDataType.UInt8, read.Header.DataType);
        Assert.Equal(mask.Select(n => (float)n), read.Volume.Samples.AsFloats());
    }

    [Fact]
    public void Write_SourceWithText_NoneOfItIsCopied()
    {
        var source = new NiftiFile { Extension = "0000000000SECRET"u8.ToArray() }.Bytes();
        // descrip, aux_file, intent_name; and db_name, which NIfTI leaves unused at byte 14.
        foreach (var at in new[] { 14, 148, 200, 228, 328 })
        {
            "SECRET"u8.CopyTo(source.AsSpan(at));
        }

        var written = Heatmap(NiftiFile.ReadBytes(source).Header, new float[24]);
        Assert.DoesNotContain("SECRET", System.Text.Encoding.Latin1.GetString(written), StringComparison.Ordinal);
        Assert.Equal("ToNNO heatmap\0", System.Text.Encoding.Latin1.GetString(written, 148, 14));
        Assert.Equal((2f, -1f), (BitConverter.ToSingle(written, 124), BitConverter.ToSingle(written, 128)));
    }

    [Fact]
    public void Complete_WrongNumberOfSamples_Throws()
    {
        var header = new NiftiFile().ReadHeader();
        using var stream = new MemoryStream();
        using var writer = NiftiWriter.ForHeatmap(stream, header, 0, 1);
        writer.Append(new float[23]);
        Assert.Throws<InvalidOperationException>(writer.Complete);
        Assert.Throws<InvalidOperationException>(() => writer.Append(new float[2]));
        Assert.Throws<InvalidOperationException>(() => writer.Append(new byte[1]));
        writer.Append(new float[1]);
        writer.Complete();
        Assert.Throws<InvalidOperationException>(() => writer.Append(new float[1]));
        Assert.Equal(352 + 96, stream.Length);
    }

    [Fact]
    public void Dispose_BeforeComplete_LeavesAFileThatIsRefused()
    {
        using var stream = new MemoryStream();
        using (var writer = NiftiWriter.ForHeatmap(stream, new NiftiFile().ReadHeader(), 0, 1, compress: true))
        {
            writer.Append(new float[23]);
        }

        Assert.Equal(RejectReason.NiftiTruncated, Assert.Throws<ImagingException>(() => NiftiFile.ReadBytes(stream.ToArray())).Reason);
    }

    [Fact]
    public void ForHeatmap_DescriptionTooLongOrNotAscii_Throws()
    {
        var header = new NiftiFile().ReadHeader();
        Assert.Throws<ArgumentOutOfRangeException>(() => NiftiWriter.ForHeatmap(Stream.Null, header, 0, 1, new string('x', 80)));
        Assert.Throws<ArgumentOutOfRangeException>(() => NiftiWriter.ForHeatmap(Stream.Null, header, 0, 1, "größer"));
        NiftiWriter.ForHeatmap(Stream.Null, header, 0, 1, new string('x', 79)).Dispose();
    }

    [Fact]
    public void RequireSameGrid_AnyFieldDiffers_NamesIt()
    {
        Differs("shape", new() { Dim = [3, 4, 2, 3] });
        Differs("shape", new() { Dim = [4, 4, 3, 2, 1] });
        Differs("sform_code", new() { SFormCode = 2 });
        Differs("qform_code", new() { QFormCode = 1 });
        Differs("xyzt_units", new() { Units = 10 });
        Differs("sform", new() { SForm = [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 1e-30] });
        Differs("qform", new() { Quaternion = [0, 0, -0.0] });
        Differs("qform", new() { QOffset = [0, 1e-30, 0] });
        Differs("pixdim", new() { PixDim = [-1, 1, 1, 1, 0, 0, 0, 0] });
        Differs("pixdim", new() { PixDim = [1, 1, 1, MathF.BitIncrement(1), 0, 0, 0, 0] });
        var nan = new NiftiFile { PixDim = [1, 1, 1, 1, double.NaN, 0, 0, 0] };
        nan.ReadHeader().RequireSameGrid(nan.ReadHeader(), "heatmap.nii");

        static void Differs(string field, NiftiFile other)
        {
            var refusal = Assert.Throws<ImagingException>(() => new NiftiFile().ReadHeader().RequireSameGrid(other.ReadHeader(), "heatmap.nii"));
            Assert.Equal("heatmap.grid_differs", refusal.Reason.Code());
            Assert.Contains($"heatmap.nii does not lie on its volume's grid, as its {field} differs", refusal.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Write_SameSamples_SameBytes()
    {
        var header = new NiftiFile().ReadHeader();
        Assert.Equal(Heatmap(header, new float[24], compress: true), Heatmap(header, new float[24], compress: true));
    }

    [Fact]
    public void Write_RealVolume_GridAndSamplesSurvive()
    {
        var path = SharedData.Path("ibsi-sts/nifti/STS_003/PET_image.nii.gz");
        var source = NiftiReader.Read(path, NiftiFile.NoLimit, TestContext.Current.CancellationToken);
        var read = NiftiFile.ReadBytes(Heatmap(source.Header, source.Volume.Samples.AsFloats(), compress: true));
        source.Header.RequireSameGrid(read.Header, "heatmap.nii.gz");
        Assert.Equal(source.Volume.Samples.AsFloats(), read.Volume.Samples.AsFloats());
    }

    private static byte[] Heatmap(NiftiHeader like, float[] samples, bool compress = false)
    {
        using var stream = new MemoryStream();
        using var writer = NiftiWriter.ForHeatmap(stream, like, -1, 2, compress: compress);
        writer.Append(samples);
        writer.Complete();
        return stream.ToArray();
    }
}
