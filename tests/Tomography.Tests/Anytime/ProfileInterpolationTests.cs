using ToNNO.Tomography.Anytime;
using ToNNO.Tomography.Geometry;
using ToNNO.Tomography.Sampling;

namespace ToNNO.Tomography.Tests.Anytime;

public class ProfileInterpolationTests
{
    [Fact]
    public void Write_LopsidedVolumeSeenFromBetween_IsNearTheTruth()
    {
        // An off-centre wide blob: its profile moves with the direction and mirrors across the edge of the half sphere.
        var geometry = new VolumeGeometry(new(64, 64, 64), AffineTransform.Scaling(1, 1, 1));
        var scores = new BallScores(geometry, [(geometry.CentreMm + new Vector3D(3, -2, 1), 24)]);
        var known = SamplingPlan.For(geometry, DirectionSet.Create(DirectionSetKind.Rings, 100));
        var rows = scores.Sinogram(known);
        var wanted = SamplingPlan.For(geometry, DirectionSet.FromNormals([new(1, 0, 0.01), new(-0.7, 0.7, 0.1), new(0.2, 0.3, 0.9)]));
        var truth = scores.Sinogram(wanted);
        for (var direction = 0; direction < wanted.Directions.Count; direction++)
        {
            var guess = new float[known.OffsetCount];
            ProfileInterpolation.Write(known.Directions.Normals, rows, wanted.Directions.Normals[direction], guess);

            var row = truth.AsSpan(direction * guess.Length, guess.Length).ToArray();
            // Neighbours lie some 15° off, where this centre's offset differs by about 1 mm of a profile 48 mm wide.
            Assert.True(Norm(guess.Zip(row, (a, b) => a - b)) < 0.05 * Norm(row));
        }
    }

    [Fact]
    public void Write_DirectionThatIsKnown_IsItsProfile()
    {
        var geometry = new VolumeGeometry(new(16, 16, 16), AffineTransform.Scaling(1, 1, 1));
        var plan = SamplingPlan.For(geometry, DirectionSet.Create(DirectionSetKind.Rings, 50));
        var rows = new BallScores(geometry, [(geometry.CentreMm + new Vector3D(2, 1, 0), 3)]).Sinogram(plan);
        var guess = new float[plan.OffsetCount];

        ProfileInterpolation.Write(plan.Directions.Normals, rows, plan.Directions.Normals[7], guess);

        var row = rows.AsSpan(7 * guess.Length, guess.Length).ToArray();
        Assert.True(Norm(guess.Zip(row, (a, b) => a - b)) < 1e-3 * Norm(row)); // the others' weight is (1e-3 rad / their angle)²
    }

    private static double Norm(IEnumerable<float> values) => Math.Sqrt(values.Sum(value => (double)value * value));
}
