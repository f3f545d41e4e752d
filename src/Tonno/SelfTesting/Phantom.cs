using ToNNO.Imaging.Dicom.Results;
using ToNNO.Imaging.Nifti;
using ToNNO.Tomography.Geometry;

namespace ToNNO.Tonno.SelfTesting;

/// <summary>A small volume with a blob at a known place in the world, stored in one of the ways in which volumes are.</summary>
/// <param name="Name">How its axes lie, after <c>dicom-</c> where it is a series.</param>
internal sealed record Phantom(string Name, VolumeGeometry Geometry, bool IsSeries = false)
{
    /// <summary>The blob's centre, RAS+ mm: the same in all, though voxels, axes and corners are not.</summary>
    public static readonly Vector3D PlantedMm = new(13.2, -41.7, 88.4);

    /// <summary>The blob's centre by voxel index: off the volume's on every axis, so that a flip moves it.</summary>
    private static readonly Vector3D _plantedAt = new(6.2, 9.3, 4.9);

    private static readonly VolumeShape _shape = new(18, 16, 14); // three sizes, so that an exchange of axes shows
    private static readonly Vector3D _spacingMm = new(1, 1.25, 1.6);

    /// <summary>The 48 ways to store a volume along the world's axes, with unequal voxels; turned ones, mirrored ones, and one of thick slices; and
    /// as DICOM series all those that are not mirrored, since a stack of slices never is.</summary>
    public static IReadOnlyList<Phantom> All { get; } = [.. Files(), .. Files().Where(phantom => phantom.Geometry.Affine.Determinant > 0).Select(phantom => phantom with { Name = $"dicom-{phantom.Name}", IsSeries = true })];

    /// <summary>What is put into the source, by name.</summary>
    /// <param name="id">Of the volume.</param>
    public IEnumerable<(string Path, byte[] Content)> FilesOf(string id) => IsSeries
        ? PlainSeries.Slices(ToVolume(), id, "").Select((slice, k) => ($"{id}/{k:D2}.dcm", slice.File))
        : [($"{id}.nii", ToNifti())];

    private byte[] ToNifti()
    {
        using var file = new MemoryStream();
        using (var writer = NiftiWriter.ForHeatmap(file, NiftiHeader.Create(Geometry), 0, 1, "Phantom of tonno selftest"))
        {
            writer.Append(ToVolume().Samples.AsFloats());
            writer.Complete();
        }

        return file.ToArray();
    }

    /// <summary>A blob of height 1 and 1.8 mm standard deviation, or of half a voxel where that is longer.</summary>
    public Volume ToVolume()
    {
        var shape = Geometry.Shape;
        var values = new float[shape.VoxelCount];
        var sigma = new[] { Geometry.Affine.I.Length, Geometry.Affine.J.Length, Geometry.Affine.K.Length }.Max(mm => Math.Max(mm / 2, 1.8));
        for (var (k, at) = (0, 0); k < shape.K; k++)
        {
            for (var j = 0; j < shape.J; j++)
            {
                for (var i = 0; i < shape.I; i++)
                {
                    var apart = (Geometry.Affine.ToWorld(i, j, k) - PlantedMm).Length / sigma;
                    values[at++] = (float)Math.Exp(-apart * apart / 2);
                }
            }
        }

        return new Volume(Geometry, values);
    }

    private static IEnumerable<Phantom> Files() => [.. AlongTheAxes(), .. Turned(), Of("thick", new(1, 0, 0), new(0, -1, 0), new(0, 0, 1), new(1, 1, 4))];

    private static IEnumerable<Phantom> AlongTheAxes()
    {
        (string Ahead, string Back, Vector3D Axis)[] axes = [("r", "l", new(1, 0, 0)), ("a", "p", new(0, 1, 0)), ("s", "i", new(0, 0, 1))];
        int[][] orders = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
        foreach (var order in orders)
        {
            for (var signs = 0; signs < 8; signs++)
            {
                bool Back(int axis) => (signs & (1 << axis)) != 0;
                string Letter(int axis) => Back(axis) ? axes[order[axis]].Back : axes[order[axis]].Ahead;
                Vector3D Axis(int axis) => (Back(axis) ? -1 : 1) * axes[order[axis]].Axis;
                yield return Of(Letter(0) + Letter(1) + Letter(2), Axis(0), Axis(1), Axis(2), _spacingMm);
            }
        }
    }

    private static IEnumerable<Phantom> Turned()
    {
        // Three turns in a row, none of them small: no axis is near one of the world's.
        var (x, y, z) = (new Vector3D(0.36, 0.48, -0.8), new Vector3D(-0.8, 0.6, 0), new Vector3D(0.48, 0.64, 0.6));
        yield return Of("oblique", x, y, z, _spacingMm);
        yield return Of("oblique-mirrored", x, -y, z, _spacingMm);
        yield return Of("oblique-exchanged", z, x, y, _spacingMm);
        yield return Of("oblique-exchanged-mirrored", -y, z, -x, _spacingMm);
    }

    private static Phantom Of(string name, Vector3D i, Vector3D j, Vector3D k, Vector3D spacingMm)
    {
        var steps = new AffineTransform(spacingMm.X * i, spacingMm.Y * j, spacingMm.Z * k, Vector3D.Zero);
        return new(name, new VolumeGeometry(_shape, steps with { Origin = PlantedMm - steps.ToWorld(_plantedAt) }));
    }
}
