using ToNNO.Tomography.Geometry;

namespace ToNNO.Tonno.Demo;

/// <summary>A box of voxels in a volume.</summary>
internal readonly record struct CropBox(VoxelIndex Start, VolumeShape Shape)
{
    public bool Fits(VolumeShape whole) =>
        Fits(Start.I, Shape.I, whole.I) && Fits(Start.J, Shape.J, whole.J) && Fits(Start.K, Shape.K, whole.K);

    /// <summary>The box as a volume of its own, in its place in the world.</summary>
    public Volume Cut(Volume volume)
    {
        var affine = volume.Geometry.Affine;
        var geometry = new VolumeGeometry(Shape, affine with { Origin = affine.ToWorld(Start.I, Start.J, Start.K) });
        return new Volume(geometry, Cut<float>(volume.Samples.AsFloats(), volume.Geometry.Shape));
    }

    /// <summary>The box's voxels.</summary>
    /// <param name="voxels">Voxels <c>[k, j, i]</c> of a volume of shape <paramref name="whole"/>.</param>
    /// <exception cref="ArgumentOutOfRangeException">The box reaches outside.</exception>
    public T[] Cut<T>(ReadOnlySpan<T> voxels, VolumeShape whole)
    {
        if (!Fits(whole))
        {
            throw new ArgumentOutOfRangeException(nameof(whole), whole, $"The box {this} reaches outside.");
        }

        var part = new T[Shape.VoxelCount];
        for (var row = 0; row < Shape.J * Shape.K; row++)
        {
            var (j, k) = (Start.J + (row % Shape.J), Start.K + (row / Shape.J));
            voxels.Slice(Start.I + (whole.I * (j + (whole.J * k))), Shape.I).CopyTo(part.AsSpan(row * Shape.I));
        }

        return part;
    }

    private static bool Fits(int start, int count, int available) => start >= 0 && count > 0 && start <= available - count;
}
