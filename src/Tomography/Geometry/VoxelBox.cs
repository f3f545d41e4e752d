namespace ToNNO.Tomography.Geometry;

/// <summary>A box of voxels, both corners included; empty where a corner's index passes the other's.</summary>
public readonly record struct VoxelBox(VoxelIndex Low, VoxelIndex High)
{
    /// <summary>All voxels of a grid.</summary>
    public static VoxelBox Of(VolumeShape shape) => new(default, new(shape.I - 1, shape.J - 1, shape.K - 1));

    public bool IsEmpty => High.I < Low.I || High.J < Low.J || High.K < Low.K;
}
