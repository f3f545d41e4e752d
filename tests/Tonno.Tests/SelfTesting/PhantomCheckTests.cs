using ToNNO.Imaging;
using ToNNO.Tests.Support;
using ToNNO.Tomography.Geometry;
using ToNNO.Tonno.SelfTesting;
using ToNNO.Tonno.Sources;

namespace ToNNO.Tonno.Tests.SelfTesting;

/// <summary>The self-test passes what is right, and none of the ways in which volumes go wrong.</summary>
public sealed class PhantomCheckTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public static TheoryData<string> Names => [.. Phantom.All.Select(phantom => phantom.Name)];

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void All_AxisOrders_AreThe48OfTheWorldAndNamedByWhereTheyPoint()
    {
        var along = Phantom.All.Where(phantom => phantom.Name.Length == 3).ToList();
        Assert.Equal(48 + 5, Phantom.All.Count(phantom => !phantom.IsSeries));
        Assert.Equal(24 + 3, Phantom.All.Count(phantom => phantom.IsSeries));
        Assert.Equal(48, along.Select(phantom => (phantom.Geometry.Affine.I.Normalized(), phantom.Geometry.Affine.J.Normalized(), phantom.Geometry.Affine.K.Normalized())).Distinct().Count());
        Assert.Equal(new Vector3D(-1, 0, 0), along.Single(phantom => phantom.Name == "lps").Geometry.Affine.I.Normalized());
        Assert.Equal(Phantom.All.Count, Phantom.All.Select(phantom => phantom.Name).Distinct().Count());
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Of_TheVolumeItself_Passes(string name)
    {
        var phantom = PhantomOf(name);
        var check = PhantomCheck.Of(phantom, Read(phantom));
        Assert.True(check.Passed, check.Detail);
        Assert.InRange(check.VoxelsApart!.Value, 0.05, 0.5);
    }

    /// <summary>Voxels mirrored along an axis under the grid that was promised.</summary>
    [Theory]
    [MemberData(nameof(Names))]
    public void Of_MirroredAlongAnyAxis_IsMisplaced(string name)
    {
        var phantom = PhantomOf(name);
        var volume = Read(phantom);
        var shape = volume.Geometry.Shape;
        Func<int, int, int, float>[] mirrored =
        [
            (i, j, k) => volume[shape.I - 1 - i, j, k],
            (i, j, k) => volume[i, shape.J - 1 - j, k],
            (i, j, k) => volume[i, j, shape.K - 1 - k],
        ];
        Assert.All(mirrored, one => Assert.Equal("selftest.misplaced", PhantomCheck.Of(phantom, Filled(volume.Geometry, one)).ReasonCode));
    }

    /// <summary>A grid that another takes for granted: LPS for RAS, axes exchanged, a corner moved by half a voxel.</summary>
    [Theory]
    [MemberData(nameof(Names))]
    public void Of_AnotherGrid_IsToldToBe(string name)
    {
        var phantom = PhantomOf(name);
        var volume = Read(phantom);
        var (shape, affine) = (volume.Geometry.Shape, volume.Geometry.Affine);
        static Vector3D Turned(Vector3D v) => new(-v.X, -v.Y, v.Z);
        VolumeGeometry[] others =
        [
            new(shape, new(Turned(affine.I), Turned(affine.J), Turned(affine.K), Turned(affine.Origin))),
            new(shape, affine with { I = affine.J, J = affine.I }),
            new(shape, affine with { Origin = affine.Origin + (0.5 * affine.K) }),
            new(new(shape.J, shape.I, shape.K), affine),
        ];
        Assert.All(others, one => Assert.Equal("selftest.grid_changed", PhantomCheck.Of(phantom, Filled(one, (i, j, k) => i + j + k)).ReasonCode));
    }

    [Theory]
    [InlineData(0.5)]
    [InlineData(2)]
    public void Of_IntensitiesScaled_IsToldByTheHeight(double scale)
    {
        var phantom = PhantomOf("lps");
        var volume = Read(phantom);
        Assert.Equal("selftest.height", PhantomCheck.Of(phantom, Filled(volume.Geometry, (i, j, k) => (float)(scale * volume[i, j, k]))).ReasonCode);
    }

    private static Phantom PhantomOf(string name) => Phantom.All.Single(phantom => phantom.Name == name);

    /// <summary>As the sources' readers see what is put into the source.</summary>
    private Volume Read(Phantom phantom)
    {
        foreach (var (path, content) in phantom.FilesOf(phantom.Name))
        {
            Directory.CreateDirectory(Path.GetDirectoryName(_folder[path])!);
            File.WriteAllBytes(_folder[path], content);
        }

        var (uris, cancel) = (SourceListing.List([_folder.Path], null).Inputs.Single(input => input.VolumeId.Value == phantom.Name).Uris, TestContext.Current.CancellationToken);
        return VolumeSource.Load(uris, VolumeSource.Inspect(uris, cancel).Sha256, long.MaxValue, cancel).Single().Volume;
    }

    private static Volume Filled(VolumeGeometry geometry, Func<int, int, int, float> intensity)
    {
        var (shape, values) = (geometry.Shape, new float[geometry.Shape.VoxelCount]);
        for (var at = 0; at < values.Length; at++)
        {
            values[at] = intensity(at % shape.I, at / shape.I % shape.J, at / (shape.I * shape.J));
        }

        return new Volume(geometry, values);
    }
}
