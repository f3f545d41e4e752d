using ToNNO.Tomography.Geometry;
using ToNNO.Tomography.Sampling;

namespace ToNNO.Tomography.Tests.Anytime;

/// <summary>Sinograms of balls in closed form: what an encoder that measures lesion area would say.</summary>
internal sealed record BallScores(VolumeGeometry Geometry, IReadOnlyList<(Vector3D CentreMm, double RadiusMm)> Balls)
{
    /// <summary>Logits <c>[direction, offset]</c>: the area π(r² − d²) of each ball's section, summed, on top of a blank logit.</summary>
    /// <param name="saturation">Area at which the score has come 1 − 1/e of its way to its limit; infinite for a linear score.</param>
    public float[] Sinogram(SamplingPlan plan, float blankLogit = 0, double saturation = double.PositiveInfinity)
    {
        var rows = new float[plan.Directions.Count * plan.OffsetCount];
        for (var at = 0; at < rows.Length; at++)
        {
            var (normal, offset) = (plan.Directions.Normals[at / plan.OffsetCount], plan.OffsetMm(at % plan.OffsetCount));
            var area = 0.0;
            foreach (var (centre, radius) in Balls)
            {
                var distance = offset - normal.Dot(centre - plan.CentreMm);
                area += Math.PI * Math.Max(0, (radius * radius) - (distance * distance));
            }

            rows[at] = blankLogit + (float)(double.IsInfinity(saturation) ? area : saturation * (1 - Math.Exp(-area / saturation)));
        }

        return rows;
    }

    /// <summary>Voxels <c>[k, j, i]</c> whose centre lies in a ball.</summary>
    public bool[] Mask() => Enumerable.Range(0, (int)Geometry.Shape.VoxelCount).Select(at =>
    {
        var x = Geometry.Affine.ToWorld(at % Geometry.Shape.I, at / Geometry.Shape.I % Geometry.Shape.J, at / (Geometry.Shape.I * Geometry.Shape.J));
        return Balls.Any(ball => (x - ball.CentreMm).Length <= ball.RadiusMm);
    }).ToArray();
}
