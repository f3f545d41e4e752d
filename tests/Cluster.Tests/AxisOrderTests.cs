using ToNNO.Tests.Support;
using ToNNO.Tomography.Geometry;

namespace ToNNO.Cluster.Tests;

/// <summary>A blob planted in the world is found there, however the voxels are stored.</summary>
public sealed class AxisOrderTests : IDisposable
{
    private static readonly Vector3D _planted = new(13.2, -41.7, 88.4);
    private static readonly (float I, float J, float K) _spacing = (1, 1.25f, 1.6f);
    private readonly Workplace _work = new();

    public void Dispose() => _work.Dispose();

    [Fact]
    public async Task Run_BlobInVolumesOfManyOrientations_PeakWithinAVoxelOfIt()
    {
        var (x, y, z) = (new Vector3D(1, 0, 0), new Vector3D(0, 1, 0), new Vector3D(0, 0, 1));
        var oblique = Rotation(0.2, -0.3, 0.4);
        var volumes = new Dictionary<string, NiftiBytes>
        {
            ["ras"] = SForm(x, y, z),
            ["las"] = SForm(-x, y, z),
            ["lps"] = SForm(-x, -y, z),
            ["lpi"] = SForm(-x, -y, -z),
            ["asr"] = SForm(y, z, x),
            ["sra"] = SForm(z, x, y),
            ["pir"] = SForm(-y, -z, x),
            ["sal"] = SForm(z, y, -x),
            ["oblique"] = SForm(oblique.I, oblique.J, oblique.K),
            ["oblique-mirrored"] = SForm(oblique.I, -oblique.K, oblique.J),
            ["sheared"] = SForm(x, (y + (0.2 * x)).Normalized(), z),
            ["qform"] = QForm(0.2f, -0.3f, 0.4f, 1),
            ["qform-mirrored"] = QForm(0.2f, -0.3f, 0.4f, -1),
        };
        foreach (var (name, volume) in volumes)
        {
            _work.Write($"{name}.nii", volume.Plain());
        }

        var outcome = await TonnoProcess.RunAsync("run", "-i", _work.In, "-m", "builtin:sum", "-o", _work.Out, "--directions", "100");
        Assert.True(outcome.ExitCode == 0, outcome.ToString());
        Assert.All(volumes, pair =>
        {
            var (result, affine) = (_work.Result(pair.Key), pair.Value.Affine);
            var apart = affine.ToIndexStep(result.Heatmaps[0].PeakMm - _planted);
            Assert.True(
                Math.Max(Math.Abs(apart.X), Math.Max(Math.Abs(apart.Y), Math.Abs(apart.Z))) <= 1,
                $"{pair.Key}: the peak is {apart} voxels from the blob");
            // A narrow blob of height 1: the heatmap of the sum encoder is the volume.
            Assert.InRange(result.Heatmaps[0].Maximum, 0.8, 1.2);
        });
    }

    private static NiftiBytes SForm(Vector3D i, Vector3D j, Vector3D k) => Planted(new NiftiBytes(), i, j, k);

    private static NiftiBytes QForm(float b, float c, float d, float qfac)
    {
        var r = Rotation(b, c, d);
        return Planted(new NiftiBytes { SForm = false, Quaternion = (b, c, d), SpacingMm = _spacing, QFac = qfac }, r.I, r.J, qfac * r.K);
    }

    private static NiftiBytes Planted(NiftiBytes bytes, Vector3D i, Vector3D j, Vector3D k)
    {
        var shape = new VolumeShape(18, 16, 14);
        var steps = new AffineTransform(_spacing.I * i, _spacing.J * j, _spacing.K * k, Vector3D.Zero);
        // Off the centre on every axis, so that a flip shows.
        var affine = steps with { Origin = _planted - steps.ToWorld(6, 9, 5) };
        return bytes with
        {
            Shape = shape,
            Affine = affine,
            Intensity = (a, b, c) =>
            {
                var apart = (affine.ToWorld(a, b, c) - _planted).Length;
                return (float)Math.Exp(-apart * apart / (2 * 1.8 * 1.8));
            },
        };
    }

    /// <summary>nifti1.h, method 2: the rotation of a quaternion (a, b, c, d), by columns.</summary>
    private static (Vector3D I, Vector3D J, Vector3D K) Rotation(double b, double c, double d)
    {
        var a = Math.Sqrt(1 - (b * b) - (c * c) - (d * d));
        return (
            new((a * a) + (b * b) - (c * c) - (d * d), 2 * ((b * c) + (a * d)), 2 * ((b * d) - (a * c))),
            new(2 * ((b * c) - (a * d)), (a * a) + (c * c) - (b * b) - (d * d), 2 * ((c * d) + (a * b))),
            new(2 * ((b * d) + (a * c)), 2 * ((c * d) - (a * b)), (a * a) + (d * d) - (c * c) - (b * b)));
    }
}
