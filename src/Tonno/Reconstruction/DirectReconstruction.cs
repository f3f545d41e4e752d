using ToNNO.Imaging.Sinograms;
using ToNNO.Tomography.Backprojection;
using ToNNO.Tomography.Filtering;

namespace ToNNO.Tonno.Reconstruction;

/// <summary>Filters and backprojects a sinogram on all cores; with the run's filter it gives the run's heatmap, bit for bit.</summary>
internal static class DirectReconstruction
{
    /// <param name="classIndex">Which of the sinogram's classes.</param>
    /// <param name="report">Hears the part that is done, 0 to 1, from any thread.</param>
    /// <returns>Voxels <c>[k, j, i]</c> on the volume's grid.</returns>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static float[] Reconstruct(
        Sinogram sinogram, int classIndex, double alpha, FilterWindow window, Action<double> report, CancellationToken cancel)
    {
        var (plan, geometry, directions) = (sinogram.Plan, sinogram.Header.Geometry, sinogram.Plan.Directions.Count);
        var filter = ProfileFilter.Create(alpha, window, plan.SpacingMm, plan.OffsetCount);
        var logits = sinogram.LogitsOf(classIndex);
        // Blocks as the run took them: each is summed before it is added.
        var blocks = new float[(directions + sinogram.BlockDirections - 1) / sinogram.BlockDirections][];
        var options = new ParallelOptions { CancellationToken = cancel, MaxDegreeOfParallelism = Environment.ProcessorCount };
        Parallel.For(0, blocks.Length, options, block =>
        {
            var first = block * sinogram.BlockDirections;
            var count = Math.Min(sinogram.BlockDirections, directions - first);
            blocks[block] = filter.ApplyRows(logits.Span.Slice(first * plan.OffsetCount, count * plan.OffsetCount), sinogram.BlankLogits[classIndex], plan.OffsetCount);
        });

        var heatmap = new float[geometry.Shape.VoxelCount];
        var (plane, done) = (geometry.Shape.I * geometry.Shape.J, 0);
        var slabs = Math.Min(Environment.ProcessorCount, geometry.Shape.K);
        Parallel.For(0, slabs, options, slab =>
        {
            var (firstK, endK) = ((int)((long)geometry.Shape.K * slab / slabs), (int)((long)geometry.Shape.K * (slab + 1) / slabs));
            var voxels = heatmap.AsSpan(firstK * plane, (endK - firstK) * plane);
            for (var block = 0; block < blocks.Length; block++)
            {
                cancel.ThrowIfCancellationRequested();
                Backprojector.Accumulate(voxels, geometry, firstK, plan, block * sinogram.BlockDirections, blocks[block]);
                report((double)Interlocked.Increment(ref done) / (slabs * blocks.Length));
            }
        });
        return heatmap;
    }
}
