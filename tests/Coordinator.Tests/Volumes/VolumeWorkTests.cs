using System.Buffers.Binary;
using ToNNO.Contracts;
using ToNNO.Coordinator.Volumes;
using ToNNO.Imaging;
using ToNNO.Imaging.Nifti;
using ToNNO.Tests.Support;
using ToNNO.Tomography.Geometry;

namespace ToNNO.Coordinator.Tests.Volumes;

/// <summary>What a header says becomes work, or is refused by name before any is done.</summary>
public sealed class VolumeWorkTests
{
    private const string Invalid = "volume.geometry_invalid";
    private static readonly RunInput _input = new(new("scan"), ["/nowhere/scan.nii"]);

    [Theory]
    [InlineData(1, 0, null, null, null, null)]
    [InlineData(1, 0, 2.0, 0.5, 224, null)]
    [InlineData(1e-7, 0, null, null, null, Invalid)]
    [InlineData(1e-9, 0, null, null, null, Invalid)]
    [InlineData(1e-12, 0, null, null, null, Invalid)]
    [InlineData(1e-30, 0, null, null, null, Invalid)]
    [InlineData(1e10, 0, null, null, null, Invalid)]
    [InlineData(1e-9, 0, 1.0, null, null, Invalid)]
    [InlineData(1e-9, 0, 1.0, 1.0, 64, Invalid)]
    [InlineData(1e10, 0, 1.0, 1.0, 64, Invalid)]
    [InlineData(1e10, 0, 1000.0, 1000.0, 64, Invalid)]
    [InlineData(1, 1e25, null, null, null, Invalid)]
    [InlineData(1, 0, 1e-3, 1.0, 64, Invalid)] // 19000 slices to a stack
    public void Of_VoxelsOfAnyScale_WorkOrRefusal(double kMm, double originMm, double? spacingMm, double? pixelMm, int? size, string? code)
    {
        var geometry = new VolumeGeometry(new(12, 14, 10), AffineTransform.Scaling(1, 1, kMm, new(originMm, 0, 0)));
        var settings = SmallWork.Settings with { SpacingMm = spacingMm, PixelMm = pixelMm, Size = size };
        if (code is null)
        {
            var work = Of(settings, NiftiHeader.Create(geometry));
            Assert.True(work.Slices > 0 && work.EncoderCalls() > 0);
            return;
        }

        var refused = Assert.Throws<ImagingException>(() => Of(settings, NiftiHeader.Create(geometry)));
        Assert.Equal(code, refused.Code);
        Assert.StartsWith("scan.nii ", refused.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('-', refused.Message.Split("check", 2)[0].Replace("E-", "", StringComparison.Ordinal)); // no counts below zero
    }

    [Fact]
    public void Of_SecondChannelBeyondReason_Refused()
    {
        NiftiHeader Header(double kMm) => NiftiHeader.Create(new(new(12, 14, 10), AffineTransform.Scaling(1, 1, kMm)));
        Assert.Equal(2, Of(SmallWork.Settings, Header(1), Header(2)).Grids.Count);
        Assert.Equal(Invalid, Assert.Throws<ImagingException>(() => Of(SmallWork.Settings, Header(1), Header(1e-9))).Code);
    }

    /// <summary>Whatever the fields that place voxels say.</summary>
    [Fact]
    public void Of_DamagedPlaces_WorkOrRefusal()
    {
        RunSettings[] usual =
        [
            SmallWork.Settings, SmallWork.Settings with { SpacingMm = 1 }, SmallWork.Settings with { PixelMm = 0.8, Size = 224 },
            SmallWork.Settings with { SpacingMm = 2, PixelMm = 2, Passes = new(0.05, true) },
        ];
        int[] fields = [76, 80, 84, 88, 256, 260, 264, 268, 272, 276, 280, 284, 288, 292, 296, 300, 304, 308, 312, 316, 320, 324];
        var (random, work, refused) = (new Random(20261130), 0, 0);
        for (var round = 0; round < 20_000; round++)
        {
            var bytes = new NiftiBytes { SForm = round % 2 == 0, Shape = new(12, 10, 8) }.Header();
            for (var changes = random.Next(1, 4); changes > 0; changes--)
            {
                var value = random.Next(3) == 0 ? BitConverter.Int32BitsToSingle(random.Next()) : (float)Math.Pow(10, (random.NextDouble() * 8) - 4);
                BinaryPrimitives.WriteSingleLittleEndian(bytes.AsSpan(fields[random.Next(fields.Length)]), random.Next(2) == 0 ? value : -value);
            }

            try
            {
                var sampling = Of(usual[round % usual.Length], NiftiHeader.Parse(bytes, "scan.nii")).Sampling;
                Assert.True(sampling.Size is > 0 and <= 8192 && sampling.OffsetCount is > 0 and <= 1 << 14);
                work++;
            }
            catch (ImagingException refusal)
            {
                Assert.Equal(Invalid, refusal.Code);
                refused++;
            }
        }

        Assert.True(work > 1000 && refused > 1000, $"{work} works, {refused} refused");
    }

    private static VolumeWork Of(RunSettings settings, params NiftiHeader[] channels) =>
        VolumeWork.Of(SmallWork.Run, settings, _input, new SourceHeaders(channels, PredictedBytes: 1), slicesPerLease: 1000);
}
