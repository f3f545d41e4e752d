using ToNNO.Tomography.Geometry;

namespace ToNNO.Tonno.SelfTesting;

/// <summary>What became of a phantom.</summary>
/// <param name="Name">The phantom's: how its axes lie.</param>
/// <param name="VoxelsApart">From the blob to the heatmap's peak, along the axis where that is most; null where there is no heatmap.</param>
/// <param name="MmApart">From the blob to the heatmap's peak.</param>
/// <param name="ReasonCode">Null where all is well.</param>
/// <param name="Detail">What is wrong, a sentence.</param>
internal sealed record PhantomCheck(string Name, double? VoxelsApart, double? MmApart, string? ReasonCode, string? Detail)
{
    /// <summary>Where the peak may be, as the blob is not at a voxel of the sampled planes.</summary>
    private const double MostVoxelsApart = 1;

    /// <summary>The heatmap of the sum of pixels is the volume, whose peak is 1 (Schmidt-Mengin et al. 2024, eq. 3), as well as so few directions show it.</summary>
    private const double MostHeightOff = 0.2;

    /// <summary>Places are held as float32 in the headers.</summary>
    private const double MostGridOffMm = 1e-3;

    public bool Passed => ReasonCode is null;

    /// <param name="heatmap">As its own file has it.</param>
    public static PhantomCheck Of(Phantom phantom, Volume heatmap)
    {
        var grid = phantom.Geometry;
        if (heatmap.Geometry.Shape != grid.Shape || Corners(grid.Shape).Any(at => (heatmap.Geometry.Affine.ToWorld(at) - grid.Affine.ToWorld(at)).Length > MostGridOffMm))
        {
            return new(phantom.Name, null, null, "selftest.grid_changed", $"The heatmap's grid is not the volume's: {heatmap.Geometry.Shape} voxels at {heatmap.Geometry.Affine}.");
        }

        var (peak, height) = Peak(heatmap);
        var away = heatmap.Geometry.Affine.ToWorld(peak) - Phantom.PlantedMm;
        var voxels = grid.Affine.ToIndexStep(away);
        var most = Math.Max(Math.Abs(voxels.X), Math.Max(Math.Abs(voxels.Y), Math.Abs(voxels.Z)));
        var check = new PhantomCheck(phantom.Name, most, away.Length, null, null);
        if (most > MostVoxelsApart)
        {
            return check with { ReasonCode = "selftest.misplaced", Detail = FormattableString.Invariant($"The peak is {away.Length:F1} mm from where the blob was put: something turns or mirrors volumes stored like this.") };
        }

        return Math.Abs(height - 1) <= MostHeightOff ? check
            : check with { ReasonCode = "selftest.height", Detail = FormattableString.Invariant($"The peak is {height:F2}, where the blob is 1: intensities are changed on the way.") };
    }

    private static IEnumerable<Vector3D> Corners(VolumeShape shape) =>
        from i in new[] { 0, shape.I - 1 } from j in new[] { 0, shape.J - 1 } from k in new[] { 0, shape.K - 1 } select new Vector3D(i, j, k);

    private static (Vector3D Index, float Height) Peak(Volume volume)
    {
        var (shape, best, at) = (volume.Geometry.Shape, float.NegativeInfinity, Vector3D.Zero);
        for (var k = 0; k < shape.K; k++)
        {
            for (var j = 0; j < shape.J; j++)
            {
                for (var i = 0; i < shape.I; i++)
                {
                    (best, at) = volume[i, j, k] > best ? (volume[i, j, k], new Vector3D(i, j, k)) : (best, at);
                }
            }
        }

        return (at, best);
    }
}
