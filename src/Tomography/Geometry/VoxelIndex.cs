namespace ToNNO.Tomography.Geometry;

/// <summary>A voxel's place along the index axes i, j and k.</summary>
public readonly record struct VoxelIndex(int I, int J, int K)
{
    /// <summary>The voxel at a place in memory.</summary>
    public static VoxelIndex At(int position, VolumeShape shape) =>
        new(position % shape.I, position / shape.I % shape.J, position / (shape.I * shape.J));
}
