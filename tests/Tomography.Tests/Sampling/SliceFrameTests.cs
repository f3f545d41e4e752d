using CsCheck;
using ToNNO.Tomography.Geometry;
using ToNNO.Tomography.Sampling;

namespace ToNNO.Tomography.Tests.Sampling;

public class SliceFrameTests
{
    [Fact]
    public void For_AnyNormal_IsOrthonormalAndRightHanded() => RandomGrids.Direction.Sample(AssertFrame);

    [Fact]
    public void For_NormalNearAnAxis_IsOrthonormalAndRightHanded() =>
        Gen.Select(Gen.Int[0, 5], Gen.Double[-1e-9, 1e-9], Gen.Double[-1e-9, 1e-9]).Sample((axis, a, b) =>
        {
            var sign = axis < 3 ? 1 : -1;
            AssertFrame(new Vector3D(axis % 3 == 0 ? sign : a, axis % 3 == 1 ? sign : b, axis % 3 == 2 ? sign : a - b).Normalized());
        });

    private static void AssertFrame(Vector3D normal)
    {
        var frame = SliceFrame.For(normal);
        Assert.Equal(normal, frame.N);
        Assert.Equal(1, frame.U.Length, 1e-12);
        Assert.Equal(1, frame.V.Length, 1e-12);
        Assert.Equal(0, frame.U.Dot(frame.V), 1e-12);
        Assert.Equal(0, frame.U.Dot(frame.N), 1e-12);
        Assert.Equal(0, frame.V.Dot(frame.N), 1e-12);
        Assert.True((frame.U.Cross(frame.V) - frame.N).Length < 1e-12);
    }
}
