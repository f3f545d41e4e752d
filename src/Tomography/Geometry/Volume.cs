namespace ToNNO.Tomography.Geometry;

/// <summary>A volume in memory: samples <c>[k, j, i]</c>, i fastest, and where they lie.</summary>
public sealed class Volume
{
    /// <exception cref="ArgumentException">The number of samples is not that of the geometry's voxels.</exception>
    public Volume(VolumeGeometry geometry, VolumeSamples samples)
    {
        ArgumentNullException.ThrowIfNull(geometry);
        ArgumentNullException.ThrowIfNull(samples);
        if (samples.Count != geometry.Shape.VoxelCount)
        {
            throw new ArgumentException($"{samples.Count} samples cannot fill {geometry.Shape} voxels.", nameof(samples));
        }

        Geometry = geometry;
        Samples = samples;
    }

    public VolumeGeometry Geometry { get; }

    public VolumeSamples Samples { get; }

    public float this[int i, int j, int k] => Samples[i + ((long)Geometry.Shape.I * (j + ((long)Geometry.Shape.J * k)))];
}
