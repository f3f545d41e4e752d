using System.Text.Json.Serialization;

namespace ToNNO.Tomography.Geometry;

/// <summary>Numbers of voxels along the index axes i (fastest in memory), j and k (slowest).</summary>
public readonly record struct VolumeShape(int I, int J, int K)
{
    [JsonIgnore]
    public long VoxelCount => (long)I * J * K;

    public override string ToString() => $"{I}x{J}x{K}";
}
