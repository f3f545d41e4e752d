using ToNNO.Imaging.Dicom;
using ToNNO.Imaging.Nifti;
using ToNNO.Tomography.Geometry;

namespace ToNNO.Imaging.Tests.Dicom;

/// <summary>Series of real archives, against what other programs made of them.</summary>
public sealed class DicomSharedDataTests
{
    private const string Wado = "cornerstone-wado/CTImage.dcm_";

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("PET", "PET")]
    [InlineData("MR_T1", "MR_T1")]
    public void Load_SeriesWithNiftiTwin_SameVoxelsAndAffine(string series, string twin)
    {
        var dicom = Load(SharedData.Path($"ibsi-sts/dicom/STS_025/{series}/image"));
        var nifti = NiftiReader.Read(SharedData.Path($"ibsi-sts/nifti/STS_025/{twin}_image.nii.gz"), long.MaxValue, Token);
        Assert.Equal(nifti.Volume.Geometry.Shape, dicom.Volume.Geometry.Shape);
        AssertSameAffine(nifti.Volume.Geometry.Affine, dicom.Volume.Geometry.Affine);
        var (theirs, ours) = (nifti.Volume.Samples.AsFloats(), dicom.Volume.Samples.AsFloats());
        for (var at = 0; at < theirs.Length; at++)
        {
            // The twin's slopes passed through float32 before they multiplied, in PET: one part in 2^23.
            Assert.True(Math.Abs(theirs[at] - ours[at]) <= Math.Abs(theirs[at]) * 1.2e-7f, $"voxel {at}: {theirs[at]} and {ours[at]}");
        }
    }

    private static NiftiVolume Load(string path)
    {
        var key = Assert.Single(DicomListing.Look(Directory.Exists(path) ? Directory.GetFiles(path)[0] : path).Dicom.Select(file => file.Content!.SeriesKey).Distinct());
        using var series = DicomSeries.Open(new(path, key), null, Token);
        return series.Read(long.MaxValue, Token);
    }

    private static void AssertSameAffine(AffineTransform expected, AffineTransform actual)
    {
        foreach (var (theirs, ours) in new[] { (expected.I, actual.I), (expected.J, actual.J), (expected.K, actual.K), (expected.Origin, actual.Origin) })
        {
            // NIfTI keeps float32: 3e-5 at 500 mm.
            Assert.True((theirs - ours).Length < 6e-5, $"{theirs} and {ours}");
        }
    }

    [Theory]
    [InlineData("BigEndianExplicitTransferSyntax_1.2.840.10008.1.2.2", 0)]
    [InlineData("DeflatedExplicitVRLittleEndianTransferSyntax_1.2.840.10008.1.2.1.99", 0)]
    [InlineData("LittleEndianExplicitTransferSyntax_1.2.840.10008.1.2.1", 0)]
    [InlineData("LittleEndianImplicitTransferSyntax_1.2.840.10008.1.2", 0)]
    [InlineData("RLELosslessTransferSyntax_1.2.840.10008.1.2.5", 0)]
    [InlineData("JPEGProcess14TransferSyntax_1.2.840.10008.1.2.4.57", 0)]
    [InlineData("JPEGProcess14SV1TransferSyntax_1.2.840.10008.1.2.4.70", 0)]
    [InlineData("JPEGProcess1TransferSyntax_1.2.840.10008.1.2.4.50", 65)]
    [InlineData("JPEGProcess2_4TransferSyntax_1.2.840.10008.1.2.4.51", 36)]
    [InlineData("JPEGLSLosslessTransferSyntax_1.2.840.10008.1.2.4.80", 0)]
    [InlineData("JPEGLSLossyTransferSyntax_1.2.840.10008.1.2.4.81", 1)]
    [InlineData("JPEG2000LosslessOnlyTransferSyntax_1.2.840.10008.1.2.4.90", 0)]
    [InlineData("JPEG2000TransferSyntax_1.2.840.10008.1.2.4.91", 5)]
    public void Decode_OneSliceInManySyntaxes_SameIntensities(string syntax, double toleranceHu)
    {
        NativeCodecs.Require(syntax);
        var truth = Slice("cornerstone-wado/CTImage.dcm");
        var slice = Slice($"{Wado}{syntax}.dcm");
        // The lossy ones are held to the error that was taken when they were written: GDCM's decoder makes the same of JPEG, two steps of 32.1
        // HU and 18 of 2.
        var worst = truth.Zip(slice, (here, there) => Math.Abs(here - there)).Max();
        Assert.True(worst <= toleranceHu, $"{worst} HU");
    }

    [Theory]
    [InlineData("JPEGProcess6_8TransferSyntax_1.2.840.10008.1.2.4.53")]
    [InlineData("JPEGProcess10_12TransferSyntax_1.2.840.10008.1.2.4.55")]
    public void Decode_SyntaxWithoutCodec_RefusedByName(string syntax)
    {
        var refusal = Assert.Throws<ImagingException>(() => Slice($"{Wado}{syntax}.dcm"));
        Assert.Equal("dicom.syntax_unsupported", refusal.Code);
        Assert.Contains(syntax.Split('_')[^1], refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Open_TiltedGantry_RefusedByName() =>
        Assert.Equal("dicom.gantry_tilt: 18.5", Refused("dcm-qa-ct/Philips_tilt-18.5_12slices.zip", text => text.Split('(')[1].Split(' ')[0]));

    [Theory]
    [InlineData("anatomical/001", "anatomical/001")]
    [InlineData("anatomical/002_non_isotropic", "anatomical/002_non_isotropic")]
    [InlineData("compressed_rle/001", "compressed_j2k/001")]
    [InlineData("compressed_jpeg/001", "compressed_j2k/001")]
    [InlineData("compressed_jpegls/001", "compressed_j2k/001")]
    [InlineData("compressed_j2k/001", "compressed_j2k/001")]
    public void Load_SeriesThatDicom2NiftiConverted_SameIntensityAtEachPlaceInTheWorld(string series, string twin)
    {
        NativeCodecs.Require(series);
        var dicom = Load(SharedData.Path($"dicom2nifti/generic/{series}")).Volume;
        var nifti = NiftiReader.Read(SharedData.Path($"dicom2nifti/generic/{twin}_ground_truth.nii.gz"), long.MaxValue, Token).Volume;
        Assert.Equal(nifti.Geometry.Shape.VoxelCount, dicom.Geometry.Shape.VoxelCount);
        for (var at = 0; at < dicom.Geometry.Shape.VoxelCount; at++)
        {
            var (i, j, k) = (at % dicom.Geometry.Shape.I, at / dicom.Geometry.Shape.I % dicom.Geometry.Shape.J, at / dicom.Geometry.Shape.I / dicom.Geometry.Shape.J);
            var there = nifti.Geometry.Affine.ToIndex(dicom.Geometry.Affine.ToWorld(i, j, k));
            var (ti, tj, tk) = ((int)Math.Round(there.X), (int)Math.Round(there.Y), (int)Math.Round(there.Z));
            // A hundredth of a voxel: the twin's affine is float32, from positions of 300 mm and cosines of six digits.
            Assert.True((there - new Vector3D(ti, tj, tk)).Length < 0.01, $"voxel {at} lies at {there}");
            Assert.Equal(nifti[ti, tj, tk], dicom[i, j, k], 1e-5f * Math.Abs(dicom[i, j, k]));
        }
    }

    [Fact]
    public void Load_Zip_IsTheChestCtThatItsReadmeDescribes()
    {
        var volume = Load(SharedData.Path("lung-pet-ct-dx/Lung_Dx-A0002_series3_8mm_dicom.zip"));
        Assert.Equal(new VolumeShape(512, 512, 30), volume.Volume.Geometry.Shape);
        Assert.Equal(8, volume.Volume.Geometry.Affine.K.Length, 1e-4);
        Assert.Equal(-1024, volume.Volume.Samples.AsFloats().Min());
    }

    [Theory]
    [InlineData("MR_small.dcm", "MR_small_implicit.dcm")]
    [InlineData("MR_small.dcm", "MR_small_bigendian.dcm")]
    [InlineData("MR_small.dcm", "MR_small_expb.dcm")]
    [InlineData("MR_small.dcm", "MR_small_RLE.dcm")]
    [InlineData("MR_small.dcm", "MR_small_padded.dcm")]
    [InlineData("MR_small.dcm", "MR_small_jpeg_ls_lossless.dcm")]
    [InlineData("MR_small.dcm", "MR_small_jp2klossless.dcm")]
    public void Decode_OneImageWrittenInManyWays_SameIntensities(string plain, string other)
    {
        NativeCodecs.Require(other);
        Assert.Equal(Slice("pydicom/" + plain), Slice("pydicom/" + other));
    }

    /// <summary>Its code says that pixels have no sign, its header that they have: the bits are the header's. The values are pydicom's.</summary>
    [Fact]
    public void Decode_CodeThatDeniesTheSign_BitsAsTheHeaderSays()
    {
        NativeCodecs.Require("j2k");
        var values = Slice("pydicom/J2K_pixelrep_mismatch.dcm");
        Assert.Equal(-2000, values[0]);
        Assert.Equal(new double[] { 621, 412, 138, -193, -520, -767, -907, -966, -988, -995 }, Enumerable.Range(47, 10).Select(row => values[(row * 512) + 279]));
    }

    [Theory]
    [InlineData("pydicom/MR_truncated.dcm", "dicom.truncated")]
    [InlineData("pydicom/no_meta.dcm", "dicom.not_dicom")]
    [InlineData("pydicom/meta_missing_tsyntax.dcm", "dicom.damaged")]
    [InlineData("pydicom/ExplVR_BigEnd.dcm", "dicom.colour")]
    [InlineData("pydicom/rtstruct.dcm", "dicom.not_dicom")]
    [InlineData("pydicom/badVR.dcm", "dicom.pixels_unsupported")]
    [InlineData("pydicom/rtdose.dcm", "dicom.pixels_unsupported")]
    [InlineData("pydicom/liver_1frame.dcm", "dicom.pixels_unsupported")]
    [InlineData("nibabel/0.dcm", "dicom.mosaic")]
    [InlineData("ibsi-sts/dicom/STS_025/PET/mask/RS.dcm", "dicom.not_image")]
    [InlineData("nifti-variants/33_truncated.nii", "dicom.not_dicom")]
    public void Decode_NoImageThatIsRead_Refused(string path, string code) =>
        Assert.Equal(code, Assert.Throws<ImagingException>(() => Slice(path)).Code);

    private static string Refused(string path, Func<string, string> part)
    {
        var refusal = Assert.Throws<ImagingException>(() => Load(SharedData.Path(path)));
        return $"{refusal.Code}: {part(refusal.Message)}";
    }

    private static double[] Slice(string path)
    {
        var file = DicomFile.Parse(File.ReadAllBytes(SharedData.Path(path)), DicomTag.Imaging, DicomTag.PixelData, "The file");
        var image = DicomImage.Of(file, "The file");
        var values = new int[image.Format.PixelsPerFrame];
        FramePixels.Of(file, image, "The file").Decode(0, values);
        return [.. values.Select(value => (image.Frames[0].Slope * value) + image.Frames[0].Intercept)];
    }
}
