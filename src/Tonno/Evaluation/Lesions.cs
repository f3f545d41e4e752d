using ToNNO.Tomography.Geometry;

namespace ToNNO.Tonno.Evaluation;

/// <summary>How many lesions of a reference a mask finds, lesion by lesion.</summary>
/// <param name="Found">Lesions of the reference with a component of the mask of their own.</param>
/// <param name="Missed">Those without.</param>
/// <param name="Extra">Components of the mask without a lesion.</param>
internal readonly record struct LesionCounts(int Found, int Missed, int Extra)
{
    /// <summary>2 Found / (2 Found + Missed + Extra).</summary>
    public double F1 => 2.0 * Found / ((2 * Found) + Missed + Extra);
}

/// <summary>Lesions are components of voxels that touch by face, edge or corner.</summary>
internal static class Lesions
{
    /// <summary>Component and lesion match from this intersection over union on: blurred heatmaps of a few millimetres' resolution
    /// seldom reach the half that instances in photographs are held to, and a mask of everything stays far below.</summary>
    public const double MatchingOverlap = 0.1;

    /// <summary>Pairs components with lesions, one to one, the largest overlap first.</summary>
    /// <param name="mask">One byte per voxel, 0 outside.</param>
    /// <param name="reference">The same.</param>
    public static LesionCounts Match(ReadOnlySpan<byte> mask, ReadOnlySpan<byte> reference, VolumeShape shape)
    {
        var (predicted, predictedSizes) = Components(mask, shape);
        var (lesions, lesionSizes) = Components(reference, shape);
        var shared = new Dictionary<(int Predicted, int Lesion), int>();
        for (var at = 0; at < predicted.Length; at++)
        {
            if (predicted[at] > 0 && lesions[at] > 0)
            {
                var pair = (predicted[at], lesions[at]);
                shared[pair] = shared.GetValueOrDefault(pair) + 1;
            }
        }

        var (usedPredicted, usedLesions) = (new HashSet<int>(), new HashSet<int>());
        foreach (var (pair, overlap) in shared
            .Select(one => (one.Key, Overlap: (double)one.Value / (predictedSizes[one.Key.Predicted - 1] + lesionSizes[one.Key.Lesion - 1] - one.Value)))
            .Where(one => one.Overlap >= MatchingOverlap)
            .OrderByDescending(one => one.Overlap).ThenBy(one => one.Key))
        {
            if (!usedPredicted.Contains(pair.Predicted) && usedLesions.Add(pair.Lesion))
            {
                usedPredicted.Add(pair.Predicted);
            }
        }

        return new(usedLesions.Count, lesionSizes.Count - usedLesions.Count, predictedSizes.Count - usedPredicted.Count);
    }

    /// <summary>Numbers the components of a mask from 1 in the order of their first voxel.</summary>
    /// <returns>The number at each voxel, 0 outside, and the voxels of each component.</returns>
    public static (int[] Labels, IReadOnlyList<int> Sizes) Components(ReadOnlySpan<byte> mask, VolumeShape shape)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(mask.Length, shape.VoxelCount, nameof(mask));
        var (labels, sizes, reached) = (new int[mask.Length], new List<int>(), new Stack<int>());
        for (var seed = 0; seed < mask.Length; seed++)
        {
            if (mask[seed] == 0 || labels[seed] != 0)
            {
                continue;
            }

            var (label, size) = (sizes.Count + 1, 0);
            labels[seed] = label;
            reached.Push(seed);
            while (reached.TryPop(out var at))
            {
                size++;
                var voxel = VoxelIndex.At(at, shape);
                for (var k = Math.Max(0, voxel.K - 1); k <= Math.Min(shape.K - 1, voxel.K + 1); k++)
                {
                    for (var j = Math.Max(0, voxel.J - 1); j <= Math.Min(shape.J - 1, voxel.J + 1); j++)
                    {
                        for (var i = Math.Max(0, voxel.I - 1); i <= Math.Min(shape.I - 1, voxel.I + 1); i++)
                        {
                            var next = i + (shape.I * (j + (shape.J * k)));
                            if (mask[next] != 0 && labels[next] == 0)
                            {
                                labels[next] = label;
                                reached.Push(next);
                            }
                        }
                    }
                }
            }

            sizes.Add(size);
        }

        return (labels, sizes);
    }
}
