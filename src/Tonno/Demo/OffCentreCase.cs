using System.Globalization;
using ToNNO.Imaging.Nifti;
using ToNNO.Tomography.Geometry;

namespace ToNNO.Tonno.Demo;

/// <summary>A volume that was cut so that its centre says nothing of where the tumour is, with its reference.</summary>
/// <remarks>The sample images are cropped around the tumour, where a ball at the centre scores a Dice of .70 without looking.</remarks>
/// <param name="Header">Grid of the cut volume.</param>
/// <param name="Reference">One byte per voxel, 0 outside.</param>
internal sealed record OffCentreCase(string Id, NiftiHeader Header, Volume Image, byte[] Reference)
{
    private const double NearMm = 10;
    private const double FarFromMm = 30;
    private const double FarToMm = 60;

    public static OffCentreCase Load(SampleCases samples, string id, int seed)
    {
        var image = samples.Image(id);
        var mask = samples.Mask(id, image.Header);
        var number = int.Parse(id.AsSpan(id.LastIndexOf('_') + 1), CultureInfo.InvariantCulture);
        var box = Box(mask, image.Volume.Geometry, new Random((1000 * seed) + number));
        var header = image.Header.Crop(box.Start.I, box.Start.J, box.Start.K, box.Shape);
        return new(
            id,
            header,
            new Volume(header.Geometry, box.Cut<float>(image.Volume.Samples.AsFloats(), image.Header.Shape)), // where its file will say
            box.Cut<byte>(mask, image.Header.Shape));
    }

    /// <summary>Keeps the whole tumour; along each axis a coin decides which side keeps 0 to 10 mm around it, and the other
    /// keeps 30 to 60 mm, or all there is.</summary>
    /// <param name="mask">Not empty.</param>
    public static CropBox Box(ReadOnlySpan<byte> mask, VolumeGeometry geometry, Random random)
    {
        var (shape, affine) = (geometry.Shape, geometry.Affine);
        var (low, high) = Bounds(mask, shape);
        var (i, iEnd) = Side(low.I, high.I, shape.I, affine.I.Length, random);
        var (j, jEnd) = Side(low.J, high.J, shape.J, affine.J.Length, random);
        var (k, kEnd) = Side(low.K, high.K, shape.K, affine.K.Length, random);
        return new(new(i, j, k), new(iEnd - i, jEnd - j, kEnd - k));
    }

    private static (int Start, int End) Side(int low, int high, int count, double spacingMm, Random random)
    {
        var near = (int)Math.Round(NearMm * random.NextDouble() / spacingMm);
        var far = (int)Math.Round((FarFromMm + ((FarToMm - FarFromMm) * random.NextDouble())) / spacingMm);
        var (before, after) = random.Next(2) == 0 ? (near, far) : (far, near);
        return (Math.Max(0, low - before), Math.Min(count, high + 1 + after));
    }

    private static (VoxelIndex Low, VoxelIndex High) Bounds(ReadOnlySpan<byte> mask, VolumeShape shape)
    {
        var (low, high) = (new VoxelIndex(shape.I, shape.J, shape.K), new VoxelIndex(-1, -1, -1));
        for (var position = 0; position < mask.Length; position++)
        {
            if (mask[position] != 0)
            {
                var at = VoxelIndex.At(position, shape);
                low = new(Math.Min(low.I, at.I), Math.Min(low.J, at.J), Math.Min(low.K, at.K));
                high = new(Math.Max(high.I, at.I), Math.Max(high.J, at.J), Math.Max(high.K, at.K));
            }
        }

        return high.I >= 0 ? (low, high) : throw new ArgumentException("The mask is empty.", nameof(mask));
    }
}
