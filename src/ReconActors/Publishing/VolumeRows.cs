using ToNNO.Contracts;
using ToNNO.Imaging.Nifti;
using ToNNO.Imaging.Sinograms;
using ToNNO.Storage;
using ToNNO.Tomography.Backprojection;
using ToNNO.Tomography.Filtering;
using ToNNO.Tomography.Sampling;
using ToNNO.Tomography.Slicing;

namespace ToNNO.ReconActors.Publishing;

/// <summary>The sinogram of a volume as its leases left it in the store, and what it cost.</summary>
/// <param name="Logits">Logits <c>[class, direction, offset]</c>.</param>
/// <param name="Measured"><c>[direction, offset]</c>: false where a pass's guide gave a logit.</param>
/// <param name="BlankLogits">By class.</param>
/// <param name="By">What encoded.</param>
internal sealed record VolumeRows(float[] Logits, bool[] Measured, float[] BlankLogits, RowsCost Cost, EncodedBy By)
{
    /// <summary>The rows of one class, <c>[direction, offset]</c>.</summary>
    public ReadOnlySpan<float> Of(int classAt) => Logits.AsSpan(classAt * Measured.Length, Measured.Length);

    /// <exception cref="BlobStoreException">The store failed, or rows are missing or damaged.</exception>
    public static async Task<VolumeRows> ReadAsync(IBlobStore store, VolumeTask task, CancellationToken cancel)
    {
        var (plan, classes) = (task.Plan(), task.Settings.Classes.Count);
        var ofClass = plan.Directions.Count * plan.OffsetCount;
        var logits = new float[classes * ofClass];
        var (blank, cost, by) = (Array.Empty<float>(), default(RowsCost), new EncodedBy());
        foreach (var lease in task.Leases())
        {
            var rows = await ReadAsync(store, task.RowsPath(lease), lease, plan.OffsetCount, classes, cancel).ConfigureAwait(false);
            for (var classAt = 0; classAt < classes; classAt++)
            {
                rows.Of(classAt).CopyTo(logits.AsSpan((classAt * ofClass) + (lease.First * plan.OffsetCount)));
            }

            (blank, cost) = (rows.BlankLogits, cost + rows.Cost);
            by.Add(rows);
        }

        return new VolumeRows(logits, await MeasuredAsync(store, task, plan, cancel).ConfigureAwait(false), blank, cost, by);
    }

    /// <summary>The rows with all that it takes to make the heatmap of them again.</summary>
    /// <param name="header">The volume's.</param>
    public Sinogram ToSinogram(VolumeTask task, NiftiHeader header) => new()
    {
        Classes = [.. task.Settings.Classes.Select(one => one.Name)],
        Logits = Logits,
        BlankLogits = BlankLogits,
        Measured = Measured,
        Plan = task.Plan(),
        Header = header,
        // A run of maps filters those, or nothing: of its logits the exact inverse is told.
        Alpha = task.Settings.Cam is null ? task.Settings.Alpha : 2,
        Window = task.Settings.Cam is null ? task.Settings.Window : FilterWindow.None,
        BlockDirections = Math.Min(task.LeaseDirections, Backprojector.BlockSize), // blocks never straddle leases
    };

    /// <summary>Which logits were measured: all but those that a pass's guide gave. A plane that misses the volume needs no measuring.</summary>
    private static async Task<bool[]> MeasuredAsync(IBlobStore store, VolumeTask task, SamplingPlan plan, CancellationToken cancel)
    {
        var measured = new bool[plan.Directions.Count * plan.OffsetCount];
        Array.Fill(measured, true);
        foreach (var pass in task.Passes())
        {
            try
            {
                var guide = await ReadAsync(store, task.GuidePath(pass), pass, plan.OffsetCount, task.Settings.Classes.Count, cancel).ConfigureAwait(false);
                for (var at = 0; at < pass.Count * plan.OffsetCount; at++)
                {
                    var normal = plan.Directions.Normals[pass.First + (at / plan.OffsetCount)];
                    measured[(pass.First * plan.OffsetCount) + at] = float.IsNaN(guide.Logits[at])
                        || SliceCutter.Misses(task.Geometry, normal, plan.OffsetMm(at % plan.OffsetCount));
                }
            }
            catch (BlobStoreException absent) when (absent.Error == BlobStoreError.NotFound)
            {
                // A pass without a guide is measured whole.
            }
        }

        return measured;
    }

    private static async Task<RowsBlob> ReadAsync(IBlobStore store, string path, DirectionRange range, int offsetCount, int classes, CancellationToken cancel)
    {
        var blob = await store.ReadAsync(path, cancel).ConfigureAwait(false);
        return RowsBlob.TryParse(blob.Bytes.Span, range, offsetCount, classes)
            ?? throw new BlobStoreException(BlobStoreError.Unavailable, $"The rows at {path} are damaged; run again.");
    }
}
