using ToNNO.Tomography.Geometry;
using ToNNO.Tomography.Lifting;
using ToNNO.Tonno.Demo;
using ToNNO.Tonno.Evaluation;

namespace ToNNO.Tonno.Tests.Demo;

public class OffCentreCaseTests
{
    private static readonly SampleCases _samples = new(Path.Combine(SampleFolder.Root, "samples", "pet"));

    [Fact]
    public void Load_SampleCases_KeepTheirTumourWholeAndItsPlaceInTheWorld()
    {
        foreach (var id in SampleCases.TestIds)
        {
            var image = _samples.Image(id);
            var mask = _samples.Mask(id, image.Header);
            var cut = OffCentreCase.Load(_samples, id, seed: 1);
            Assert.Equal(mask.Count(voxel => voxel != 0), cut.Reference.Count(voxel => voxel != 0));
            var (whole, part) = (image.Header.Geometry, cut.Image.Geometry);
            Assert.Equal(cut.Header.Geometry, part);

            // The same voxel has the same intensity at the same place.
            var at = new VoxelIndex(part.Shape.I - 1, part.Shape.J / 2, 1);
            var world = part.Affine.ToWorld(at.I, at.J, at.K);
            var index = whole.Affine.ToIndex(world);
            Assert.True((index - new Vector3D(Math.Round(index.X), Math.Round(index.Y), Math.Round(index.Z))).Length < 1e-3);
            Assert.Equal(
                image.Volume[(int)Math.Round(index.X), (int)Math.Round(index.Y), (int)Math.Round(index.Z)], cut.Image[at.I, at.J, at.K]);
        }
    }

    [Fact]
    public void Load_SampleCases_TheCentreTellsLittle()
    {
        // As shipped the images are cropped evenly around the tumour, and a ball at the centre does well.
        double Mean(Func<string, (VolumeGeometry Geometry, byte[] Mask)> load) => SampleCases.TestIds.Average(id =>
            Enumerable.Range(4, 16).Max(step => Dice.Above(CentreBlob.Of(load(id).Geometry), CentreBlob.BoundOf(load(id).Geometry, 4 * step), load(id).Mask)));
        Assert.True(Mean(id => (_samples.Image(id).Volume.Geometry, _samples.Mask(id, _samples.Image(id).Header))) > 0.6);
        Assert.True(Mean(id => (OffCentreCase.Load(_samples, id, 1).Image.Geometry, OffCentreCase.Load(_samples, id, 1).Reference)) < 0.45);
    }

    [Fact]
    public void Box_AnySeed_HasItsMargins()
    {
        var shape = new VolumeShape(60, 60, 60);
        var geometry = new VolumeGeometry(shape, AffineTransform.Scaling(2, 2, 2));
        var mask = new byte[shape.VoxelCount];
        for (var position = 0; position < mask.Length; position++)
        {
            var (i, j, k) = VoxelIndex.At(position, shape);
            mask[position] = i is >= 25 and < 35 && j is >= 28 and < 32 && k is >= 20 and < 40 ? (byte)1 : (byte)0;
        }

        var nearFirst = 0;
        for (var seed = 0; seed < 100; seed++)
        {
            var box = OffCentreCase.Box(mask, geometry, new Random(seed));
            Assert.True(box.Fits(shape));
            var (before, after) = (25 - box.Start.I, box.Start.I + box.Shape.I - 35);
            nearFirst += before < after ? 1 : 0;
            Assert.InRange(Math.Min(before, after), 0, 5);
            Assert.InRange(Math.Max(before, after), 15, 30);
        }

        Assert.InRange(nearFirst, 30, 70); // 100 tosses: 4 standard deviations
    }

    [Fact]
    public void Box_EmptyMask_IsRefused() => Assert.Throws<ArgumentException>(() => OffCentreCase.Box(
        new byte[8], new VolumeGeometry(new(2, 2, 2), AffineTransform.Scaling(1, 1, 1)), new Random(0)));

    [Fact]
    public void Cut_Box_IsThePart()
    {
        var volume = new Volume(new(new(4, 3, 2), AffineTransform.Scaling(1, 2, 3)), Enumerable.Range(0, 24).Select(x => (float)x).ToArray());
        var part = new CropBox(new(1, 1, 0), new(2, 2, 2)).Cut(volume);
        Assert.Equal([5, 6, 9, 10, 17, 18, 21, 22], part.Samples.AsFloats());
        Assert.Equal(new Vector3D(1, 2, 0), part.Geometry.Affine.Origin);
        Assert.Throws<ArgumentOutOfRangeException>(() => new CropBox(new(3, 0, 0), new(2, 2, 2)).Cut(volume));
    }
}
