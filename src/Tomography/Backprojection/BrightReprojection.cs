using ToNNO.Tomography.Geometry;
using ToNNO.Tomography.Sampling;

namespace ToNNO.Tomography.Backprojection;

/// <summary>Plane integrals of a heatmap's bright voxels along a few directions, added up slab by slab.</summary>
/// <remarks>
/// Bright is a share of the peak and up, ¼ at α = 2 and ½ at α = 0: the rest is streaks, and at α &lt; 2 the blur of the bright
/// ones, which reaches beyond the grid. Where voxels lie farther apart than slices, stacks are as coarse as they: between its
/// voxels a heatmap tells nothing.
/// </remarks>
public sealed class BrightReprojection
{
    /// <summary>The first directions of a set are well spread, and measured even in an adaptive run.</summary>
    private const int MostDirections = 16;

    private readonly VolumeGeometry _geometry;
    private readonly float _bound;
    private readonly int[] _directions;
    private readonly double[] _profiles;
    private readonly float[] _plane;

    /// <param name="plan">Of the sinogram.</param>
    /// <param name="alpha">The exponent that the heatmap was filtered with.</param>
    /// <param name="peak">The heatmap's greatest value.</param>
    public BrightReprojection(VolumeGeometry geometry, SamplingPlan plan, double alpha, float peak)
    {
        var (i, j, k) = (geometry.Affine.I.Length, geometry.Affine.J.Length, geometry.Affine.K.Length);
        _geometry = geometry;
        _bound = (float)(0.5 - (alpha / 8)) * peak;
        _directions = [.. Enumerable.Range(0, Math.Min(MostDirections, plan.Directions.Count))];
        _plane = new float[geometry.Shape.I * geometry.Shape.J];
        Plan = SamplingPlan.For(geometry, plan.Directions, Math.Max(plan.SpacingMm, Math.Max(i, Math.Max(j, k))));
        _profiles = new double[_directions.Length * Plan.OffsetCount];
    }

    /// <summary>The planes, of which the first <see cref="DirectionCount"/> directions count.</summary>
    public SamplingPlan Plan { get; }

    public int DirectionCount => _directions.Length;

    /// <summary>Integrals <c>[direction, offset]</c> of all slabs added so far; heatmap · mm².</summary>
    public float[] Profiles() => Array.ConvertAll(_profiles, value => (float)value);

    /// <param name="slab">Voxels <c>[k, j, i]</c> of planes <paramref name="firstK"/> and on.</param>
    public void Add(ReadOnlySpan<float> slab, int firstK)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(slab.Length % _plane.Length, 0, nameof(slab));
        for (var k = 0; k < slab.Length / _plane.Length; k++)
        {
            var bright = false;
            var voxels = slab.Slice(k * _plane.Length, _plane.Length);
            for (var at = 0; at < _plane.Length; at++)
            {
                _plane[at] = voxels[at] > 0 && voxels[at] >= _bound ? voxels[at] : 0;
                bright |= _plane[at] != 0;
            }

            if (bright)
            {
                Reprojector.Accumulate(_profiles, _plane, _geometry, firstK + k, Plan, _directions);
            }
        }
    }
}
