using ToNNO.Imaging.Dicom.Results;
using ToNNO.Tests.Support;
using ToNNO.Tomography.Geometry;

namespace ToNNO.Imaging.Tests.Dicom.Results;

public sealed class PlainSeriesTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("")]
    [InlineData("selftest-0123456789")]
    public async Task Slices_OfAnyStudy_DciodvfyFindsNoError(string study)
    {
        var volume = new Volume(new VolumeGeometry(new(5, 4, 3), AffineTransform.Scaling(1, 1.25, 2)), new float[60]);
        var slices = PlainSeries.Slices(volume, "name", study).ToList();
        Assert.Equal(3, slices.Select(slice => slice.InstanceUid).Distinct().Count());
        await File.WriteAllBytesAsync(_folder["slice.dcm"], slices[1].File, TestContext.Current.CancellationToken);
        var (kind, errors) = await Dciodvfy.CheckAsync(_folder["slice.dcm"]);
        Assert.Empty(errors);
        Assert.Equal("CTImage", kind);
    }
}
