using ToNNO.Tomography.Geometry;
using ToNNO.Tonno.Evaluation;

namespace ToNNO.Tonno.Tests.Evaluation;

public class LesionsTests
{
    private static readonly VolumeShape Shape = new(20, 12, 10);

    [Fact]
    public void Components_TouchingByCorner_AreOne()
    {
        var mask = Boxes((2, 2, 2, 2), (4, 4, 4, 2), (10, 2, 2, 1));
        var (labels, sizes) = Lesions.Components(mask, Shape);
        Assert.Equal([16, 1], sizes);
        Assert.Equal(labels[At(2, 2, 2)], labels[At(5, 5, 5)]);
        Assert.Equal(0, labels[At(0, 0, 0)]);
        Assert.Equal(mask.Select(voxel => voxel != 0), labels.Select(label => label > 0));
    }

    [Fact]
    public void Components_NotAcrossTheEdgeOfARow()
    {
        var mask = new byte[Shape.VoxelCount];
        (mask[At(19, 3, 3)], mask[At(0, 4, 3)]) = (1, 1); // neighbours in memory
        Assert.Equal(2, Lesions.Components(mask, Shape).Sizes.Count);
    }

    [Fact]
    public void Match_FoundMissedExtra()
    {
        var reference = Boxes((1, 1, 1, 3), (8, 1, 1, 3), (14, 1, 1, 2));
        var mask = Boxes((2, 1, 1, 3), (8, 8, 1, 2), (14, 1, 1, 2));
        var counts = Lesions.Match(mask, reference, Shape);
        Assert.Equal(new LesionCounts(2, 1, 1), counts);
        Assert.Equal(4.0 / 6, counts.F1);
    }

    /// <summary>One component over two lesions finds one of them, and a mask of everything finds none.</summary>
    [Fact]
    public void Match_OneToOne_AndNotByCoveringAll()
    {
        var reference = Boxes((1, 1, 1, 3), (6, 1, 1, 3));
        var bridge = Boxes((1, 1, 1, 3), (4, 1, 1, 2), (6, 1, 1, 3));
        Assert.Equal(new LesionCounts(1, 1, 0), Lesions.Match(bridge, reference, Shape));
        var all = Enumerable.Repeat((byte)1, (int)Shape.VoxelCount).ToArray();
        Assert.Equal(new LesionCounts(0, 2, 1), Lesions.Match(all, reference, Shape));
    }

    /// <summary>27 voxels of a mask around a lesion of 2: 2/27 is below the bound, 3/27 above.</summary>
    [Theory]
    [InlineData(2, 0)]
    [InlineData(3, 1)]
    public void Match_OverlapNearTheBound(int voxels, int found)
    {
        var reference = new byte[Shape.VoxelCount];
        for (var i = 0; i < voxels; i++)
        {
            reference[At(5 + i, 5, 5)] = 1;
        }

        Assert.Equal(found, Lesions.Match(Boxes((5, 5, 5, 3)), reference, Shape).Found);
    }

    [Fact]
    public void Match_EmptyMask_MissesAll() => Assert.Equal(new LesionCounts(0, 1, 0), Lesions.Match(new byte[Shape.VoxelCount], Boxes((1, 1, 1, 2)), Shape));

    private static int At(int i, int j, int k) => i + (Shape.I * (j + (Shape.J * k)));

    private static byte[] Boxes(params ReadOnlySpan<(int I, int J, int K, int Edge)> boxes)
    {
        var mask = new byte[Shape.VoxelCount];
        foreach (var (i, j, k, edge) in boxes)
        {
            for (var at = 0; at < edge * edge * edge; at++)
            {
                mask[At(i + (at % edge), j + (at / edge % edge), k + (at / (edge * edge)))] = 1;
            }
        }

        return mask;
    }
}
