using ToNNO.Tomography.Geometry;

namespace ToNNO.Imaging.Previews;

/// <summary>What a picture shows of a volume, taken while its samples pass by: the three planes of voxels that meet in one
/// voxel, and how the values are spread. The volume itself need not be in memory.</summary>
public sealed class VolumeGlimpse
{
    private readonly VolumeShape _shape;
    private readonly HeatmapPeak _at;
    private readonly ValueSpread _spread;
    private readonly float[] _planeI;
    private readonly float[] _planeJ;
    private readonly float[] _planeK;
    private long _passed;

    /// <param name="at">The voxel that the planes meet in.</param>
    public VolumeGlimpse(VolumeShape shape, HeatmapPeak at)
    {
        (_shape, _at) = (shape, at);
        _spread = new ValueSpread(shape.VoxelCount);
        _planeI = new float[shape.J * shape.K];
        _planeJ = new float[shape.I * shape.K];
        _planeK = new float[shape.I * shape.J];
    }

    internal ValueSpread Spread => Whole(_spread);

    /// <summary>The samples of a whole volume.</summary>
    /// <exception cref="ArgumentException">There is not one sample per voxel.</exception>
    public static VolumeGlimpse Of(ReadOnlySpan<float> samples, VolumeShape shape, HeatmapPeak at)
    {
        if (samples.Length != shape.VoxelCount)
        {
            throw new ArgumentException($"{samples.Length} values do not match {shape} voxels.", nameof(samples));
        }

        var glimpse = new VolumeGlimpse(shape, at);
        glimpse.Append(samples);
        return glimpse;
    }

    /// <inheritdoc cref="Of(ReadOnlySpan{float}, VolumeShape, HeatmapPeak)"/>
    public static VolumeGlimpse Of(VolumeSamples samples, VolumeShape shape, HeatmapPeak at)
    {
        ArgumentNullException.ThrowIfNull(samples);
        var glimpse = new VolumeGlimpse(shape, at);
        var row = new float[shape.I];
        for (var position = 0L; position < samples.Count; position += row.Length)
        {
            samples.CopyTo(position, row);
            glimpse.Append(row);
        }

        return glimpse;
    }

    /// <summary>Takes the samples that come next in memory, any number of them.</summary>
    /// <exception cref="ArgumentException">They are more than the volume has left.</exception>
    public void Append(ReadOnlySpan<float> samples)
    {
        if (samples.Length > _shape.VoxelCount - _passed)
        {
            throw new ArgumentException($"{samples.Length} values do not fit: {_shape.VoxelCount - _passed} are missing.", nameof(samples));
        }

        _spread.Append(samples);
        while (!samples.IsEmpty)
        {
            var (i, row) = ((int)(_passed % _shape.I), (int)(_passed / _shape.I));
            var (j, k) = (row % _shape.J, row / _shape.J);
            var run = samples[..Math.Min(samples.Length, _shape.I - i)];
            if (_at.I >= i && _at.I < i + run.Length)
            {
                _planeI[(k * _shape.J) + j] = run[_at.I - i];
            }

            if (_at.J == j)
            {
                run.CopyTo(_planeJ.AsSpan((k * _shape.I) + i));
            }

            if (_at.K == k)
            {
                run.CopyTo(_planeK.AsSpan((j * _shape.I) + i));
            }

            _passed += run.Length;
            samples = samples[run.Length..];
        }
    }

    /// <summary>The plane through the voxel, row by row as displayed.</summary>
    internal float[] Cut(DisplayPlane plane)
    {
        var samples = Whole(plane.Normal.IndexAxis switch { 0 => _planeI, 1 => _planeJ, _ => _planeK });
        // Of the two axes that lie in the plane, the lower is the faster in memory.
        var fast = plane.Columns.IndexAxis < plane.Rows.IndexAxis ? plane.Columns : plane.Rows;
        int Stride(DisplayAxis axis) => axis == fast ? 1 : fast.VoxelCount;
        var cut = new float[samples.Length];
        for (var row = 0; row < plane.Rows.VoxelCount; row++)
        {
            var start = plane.Rows.Flip(row) * Stride(plane.Rows);
            for (var column = 0; column < plane.Columns.VoxelCount; column++)
            {
                cut[(row * plane.Columns.VoxelCount) + column] = samples[start + (plane.Columns.Flip(column) * Stride(plane.Columns))];
            }
        }

        return cut;
    }

    private T Whole<T>(T part) => _passed == _shape.VoxelCount
        ? part
        : throw new InvalidOperationException($"{_shape.VoxelCount - _passed} of the volume's samples have not passed yet.");
}
