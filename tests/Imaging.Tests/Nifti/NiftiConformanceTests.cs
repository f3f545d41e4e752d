using System.Text.Json;
using ToNNO.Imaging.Nifti;
using ToNNO.Tomography.Geometry;

namespace ToNNO.Imaging.Tests.Nifti;

/// <summary>One real volume in many encodings, with values that another program computed.</summary>
public sealed class NiftiConformanceTests
{
    /// <summary>What is refused, and why; everything else is read.</summary>
    private static readonly Dictionary<string, string> Refusals = new()
    {
        ["25_4d.nii.gz"] = "volume.not_3d",
        ["29_rgb24.nii.gz"] = "nifti.rgb",
        ["33_truncated.nii"] = "nifti.truncated",
        ["35_dim_overflow.nii"] = "nifti.truncated",
    };

    [Fact]
    public void Read_EveryVariant_AsExpected()
    {
        using var expectations = JsonDocument.Parse(File.ReadAllText(SharedData.Path("nifti-variants/expected.json")));
        var wrong = new List<string>();
        var count = 0;
        foreach (var variant in expectations.RootElement.EnumerateObject())
        {
            count++;
            var path = SharedData.Path("nifti-variants/" + variant.Name.Split('/')[0]);
            try
            {
                Check(path, variant.Name, variant.Value);
            }
            catch (Exception error) when (error is ImagingException or Xunit.Sdk.IAssertionException)
            {
                wrong.Add($"{variant.Name}: {error.Message}");
            }
        }

        Assert.Empty(wrong);
        Assert.True(count >= 20);
    }

    [Fact]
    public void Read_PlainFileNamedGz_IsTheBaseline()
    {
        var plain = NiftiReader.Read(SharedData.Path("nifti-variants/39_plain_nii_named_gz.nii.gz"), NiftiFile.NoLimit, Token);
        var baseline = NiftiReader.Read(SharedData.Path("nifti-variants/01_float32_le.nii.gz"), NiftiFile.NoLimit, Token);
        Assert.Equal(baseline.Volume.Samples.AsFloats(), plain.Volume.Samples.AsFloats());
        baseline.Header.RequireSameGrid(plain.Header, "39");
    }

    [Theory]
    [InlineData("nibabel/anatomical.nii", 33, 41, 25)]
    [InlineData("nibabel/standard.nii.gz", 4, 5, 7)]
    [InlineData("totalsegmentator/example_ct.nii.gz", 122, 101, 112)]
    [InlineData("totalsegmentator/example_mr_sm.nii.gz", 117, 91, 20)]
    public void Read_FilesOfOtherPrograms_ShapeAsDocumented(string file, int i, int j, int k)
    {
        var path = SharedData.Path(file);
        var volume = NiftiReader.Read(path, NiftiFile.NoLimit, Token);
        Assert.Equal(new VolumeShape(i, j, k), volume.Volume.Geometry.Shape);
        Assert.Equal(0, volume.NonFiniteCount);
        volume.Header.RequireSameGrid(NiftiReader.ReadHeader(path), file);
    }

    [Theory]
    [InlineData("nibabel/example4d.nii.gz", "volume.not_3d")]
    [InlineData("nibabel/functional.nii", "volume.not_3d")]
    [InlineData("nibabel/analyze.hdr", "nifti.not_nifti")]
    [InlineData("nibabel/0.dcm", "nifti.not_nifti")]
    [InlineData("nibabel/README.md", "nifti.not_nifti")]
    [InlineData("nibabel", "file.unreadable")]
    public void Read_NoVolume_Refused(string file, string code)
    {
        var path = SharedData.Path(file);
        var refusal = Assert.Throws<ImagingException>(() => NiftiReader.Read(path, NiftiFile.NoLimit, Token));
        Assert.Equal(code, refusal.Reason.Code());
    }

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private static void Check(string path, string name, JsonElement expected)
    {
        if (Refusals.TryGetValue(name, out var code))
        {
            Assert.Equal(code, Assert.Throws<ImagingException>(() => NiftiReader.Read(path, NiftiFile.NoLimit, Token)).Reason.Code());
            return;
        }

        var read = NiftiReader.Read(path, NiftiFile.NoLimit, Token);
        if (!expected.TryGetProperty("shape", out var shape))
        {
            return;
        }

        var samples = read.Volume.Samples.AsFloats();
        Assert.Equal(shape.EnumerateArray().Take(3).Select(n => n.GetInt32()), [read.Header.Shape.I, read.Header.Shape.J, read.Header.Shape.K]);
        Assert.Equal(shape.GetArrayLength(), read.Header.Rank);

        // The file of case 32 states its affine in the header's unit, micrometres.
        var unit = (read.Header.XyztUnits & 7) == 3 ? 1e-3 : 1;
        var affine = expected.GetProperty("affine_RAS_mm");
        for (var column = 0; column < 4; column++)
        {
            var geometry = read.Volume.Geometry.Affine;
            var actual = column switch { 0 => geometry.I, 1 => geometry.J, 2 => geometry.K, _ => geometry.Origin };
            // Expected values are printed to six decimals; origins reach 817 mm, where float32 resolves 6e-5.
            Near(unit * affine[0][column].GetDouble(), actual.X, 1e-4 * unit);
            Near(unit * affine[1][column].GetDouble(), actual.Y, 1e-4 * unit);
            Near(unit * affine[2][column].GetDouble(), actual.Z, 1e-4 * unit);
        }

        foreach (var sample in expected.GetProperty("samples").EnumerateArray())
        {
            var ijk = sample.GetProperty("ijk");
            var value = sample.GetProperty("value").GetDouble();
            // float32 keeps seven digits.
            Near(value, read.Volume[ijk[0].GetInt32(), ijk[1].GetInt32(), ijk[2].GetInt32()], 1e-6 * Math.Abs(value));
        }

        var (min, max) = (expected.GetProperty("min").GetDouble(), expected.GetProperty("max").GetDouble());
        Near(min, samples.Min(), 1e-6 * Math.Abs(min));
        Near(max, samples.Max(), 1e-6 * Math.Abs(max));
        Near(expected.GetProperty("mean").GetDouble(), samples.Average(x => (double)x), 1e-6 * Math.Max(Math.Abs(min), Math.Abs(max)));
    }

    private static void Near(double expected, double actual, double tolerance) =>
        Assert.True(Math.Abs(expected - actual) <= tolerance, $"{actual} is not {expected} ± {tolerance}");
}
