using ToNNO.Imaging.Nifti;
using ToNNO.Tomography.Geometry;
using ToNNO.Tonno.Demo;

namespace ToNNO.Tonno.Tests.Demo;

/// <summary>Made <c>samples/pet/crops.csv</c>: the one place where masks became labels of volumes.</summary>
internal static class CropGenerator
{
    private const int Seed = 0;
    private const int PairsPerCase = 8;
    private const double ShortestSideMm = 35;
    private const double LongestSideMm = 60;
    private const int Tries = 200;
    private const int MostTries = 1000;

    /// <summary>Of a positive crop's voxels at least this part is tumour.</summary>
    public const double LeastTumour = 0.15;

    /// <summary>Pairs of crops of equal shape, one with tumour and one without a single voxel of it.</summary>
    public static List<TrainingCrop> Crops(SampleCases samples)
    {
        var random = new Random(Seed);
        var crops = new List<TrainingCrop>();
        foreach (var id in SampleCases.TrainingIds)
        {
            var header = samples.Image(id).Header;
            crops.AddRange(Pairs(id, header, samples.Mask(id, header), PairsPerCase, random));
        }

        return crops;
    }

    /// <summary>Pairs of crops of one case; fewer where it has no room for so many.</summary>
    public static IEnumerable<TrainingCrop> Pairs(string id, NiftiHeader header, byte[] mask, int pairs, Random random)
    {
        var counts = new MaskCounts(mask, header.Shape);
        for (var (made, tries) = (0, 0); made < pairs && tries < MostTries; tries++)
        {
            var shape = RandomShape(header.Geometry, random);
            if (Find(header.Shape, shape, random, box => counts.In(box) == 0) is { } negative
                && Find(header.Shape, shape, random, box => counts.In(box) >= LeastTumour * shape.VoxelCount) is { } positive)
            {
                yield return new(id, true, positive);
                yield return new(id, false, negative);
                made++;
            }
        }
    }

    private static VolumeShape RandomShape(VolumeGeometry geometry, Random random)
    {
        int Side(double spacingMm, int available) => Math.Min(
            available, (int)Math.Round((ShortestSideMm + ((LongestSideMm - ShortestSideMm) * random.NextDouble())) / spacingMm));
        var (affine, shape) = (geometry.Affine, geometry.Shape);
        return new(Side(affine.I.Length, shape.I), Side(affine.J.Length, shape.J), Side(affine.K.Length, shape.K));
    }

    private static CropBox? Find(VolumeShape whole, VolumeShape shape, Random random, Func<CropBox, bool> fits)
    {
        for (var attempt = 0; attempt < Tries; attempt++)
        {
            var box = new CropBox(
                new(random.Next(whole.I - shape.I + 1), random.Next(whole.J - shape.J + 1), random.Next(whole.K - shape.K + 1)), shape);
            if (fits(box))
            {
                return box;
            }
        }

        return null;
    }

    /// <summary>Counts of mask voxels in boxes, from sums over all boxes at the origin.</summary>
    private sealed class MaskCounts
    {
        private readonly int[,,] _sums;

        public MaskCounts(byte[] mask, VolumeShape shape)
        {
            _sums = new int[shape.I + 1, shape.J + 1, shape.K + 1];
            for (var position = 0; position < mask.Length; position++)
            {
                var (i, j, k) = VoxelIndex.At(position, shape);
                _sums[i + 1, j + 1, k + 1] = mask[position]
                    + _sums[i, j + 1, k + 1] + _sums[i + 1, j, k + 1] + _sums[i + 1, j + 1, k]
                    - _sums[i, j, k + 1] - _sums[i, j + 1, k] - _sums[i + 1, j, k]
                    + _sums[i, j, k];
            }
        }

        public int In(CropBox box)
        {
            var (i, j, k) = box.Start;
            var (iEnd, jEnd, kEnd) = (i + box.Shape.I, j + box.Shape.J, k + box.Shape.K);
            return _sums[iEnd, jEnd, kEnd] - _sums[i, jEnd, kEnd] - _sums[iEnd, j, kEnd] - _sums[iEnd, jEnd, k]
                + _sums[i, j, kEnd] + _sums[i, jEnd, k] + _sums[iEnd, j, k] - _sums[i, j, k];
        }
    }
}
