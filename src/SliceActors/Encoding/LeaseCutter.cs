using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Threading.Channels;
using ToNNO.Contracts;
using ToNNO.Encoders;
using ToNNO.Tomography.Geometry;
using ToNNO.Tomography.Sampling;
using ToNNO.Tomography.Slicing;

namespace ToNNO.SliceActors.Encoding;

/// <summary>Cuts the slices of one lease on the thread pool, ahead of the encoder that takes them; or, for an encoder that cuts on its
/// device, finds out which there are.</summary>
/// <remarks>Slices come in order of direction and offset, in batches whose size depends on the slice size alone, however far ahead
/// the cutter is: a lease gives the same bytes wherever and whenever it is encoded.</remarks>
internal sealed class LeaseCutter : IDisposable
{
    private const int MaximumBatch = 64;

    /// <summary>Planes that an encoder is handed to cut itself: a GPU's forward pass.</summary>
    private const int PlanesBatch = 256;

    private static readonly ConditionalWeakTable<Volume, OccupancyOf> _occupancies = [];
    private readonly BatchBuffers _buffers;
    private readonly int _batchSize;
    private readonly bool _planesAlone;
    private readonly CancellationTokenSource _stopping;
    private readonly Channel<SliceBatch> _batches = Channel.CreateUnbounded<SliceBatch>();

    /// <param name="buffers">Those of the encoder; its cutters take turns with them.</param>
    /// <param name="after">The cutter of the lease before, or null: this one begins when that one has cut its last slice.</param>
    /// <param name="planesAlone">True where the encoder cuts the slices.</param>
    /// <param name="guide">Logits to take for the lease's planes, <c>[direction, offset]</c>, NaN where one is to be measured; null to measure all.</param>
    public LeaseCutter(
        VolumeTask task, Volume volume, DirectionRange directions, float[]? guide, bool planesAlone, int batchPixels, BatchBuffers buffers, LeaseCutter? after, CancellationToken cancel)
    {
        (Task, Volume, Directions, Guide, _planesAlone, _buffers) = (task, volume, directions, guide, planesAlone, buffers);
        Plan = task.Plan();
        var (fit, whole) = (Math.Clamp(batchPixels / (Plan.Size * Plan.Size), 1, MaximumBatch), TorchSliceEncoder.CpuBatchOf(Plan.Size));
        _batchSize = planesAlone ? PlanesBatch : fit < whole ? fit : fit / whole * whole; // the encoder fills up what is no whole batch of its own
        _stopping = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        var before = after?.Completion ?? System.Threading.Tasks.Task.CompletedTask;
        Completion = System.Threading.Tasks.Task.Run(() => RunAsync(before, _stopping.Token), CancellationToken.None);
    }

    public VolumeTask Task { get; }

    public Volume Volume { get; }

    public DirectionRange Directions { get; }

    public float[]? Guide { get; }

    public SamplingPlan Plan { get; }

    /// <summary>Slices cut; known when all batches are taken.</summary>
    public long SlicesCut { get; private set; }

    public TimeSpan CutTime { get; private set; }

    /// <summary>Ends, without error, when the last slice is cut or cutting has failed.</summary>
    private Task Completion { get; }

    /// <summary>The next batch, waited for; null after the last.</summary>
    /// <exception cref="OperationCanceledException">Cutting was cancelled.</exception>
    public SliceBatch? Take()
    {
        var ready = _batches.Reader.WaitToReadAsync().AsTask().GetAwaiter().GetResult(); // a cutter's failure is thrown here
        return ready && _batches.Reader.TryRead(out var batch) ? batch : null;
    }

    /// <summary>False where the guide gives a plane's logit.</summary>
    /// <param name="at">Place <c>[direction, offset]</c> in the lease.</param>
    public bool IsMeasured(int at) => Guide is null || float.IsNaN(Guide[at]);

    public void Return(SliceBatch batch) => _buffers.Return(batch);

    /// <summary>Gives up what is not cut yet and frees the buffers. The cutter of the lease before must be done with.</summary>
    public void Dispose()
    {
        _stopping.Cancel();
        Completion.GetAwaiter().GetResult();
        while (_batches.Reader.TryRead(out var batch))
        {
            _buffers.Return(batch);
        }

        _stopping.Dispose();
    }

    private async Task RunAsync(Task before, CancellationToken cancel)
    {
        Exception? failure = null;
        try
        {
            // Not given up early: who takes the buffers out of turn could keep the encoder waiting for good.
            await before.ConfigureAwait(false);
            await CutAsync(cancel).ConfigureAwait(false);
        }
        catch (Exception error)
        {
            failure = error; // thrown where the batches are taken
        }

        _batches.Writer.Complete(failure);
    }

    private async Task CutAsync(CancellationToken cancel)
    {
        var begun = Stopwatch.GetTimestamp();
        var occupancy = _occupancies.GetOrCreateValue(Volume).For(Volume, Task.Settings.Intensity);
        var touched = new bool[Plan.OffsetCount];
        SliceBatch? batch = null;
        try
        {
            for (var direction = 0; direction < Directions.Count; direction++)
            {
                var normal = Plan.Directions.Normals[Directions.First + direction];
                occupancy.Touched(normal, Plan, touched);
                for (var offset = 0; offset < touched.Length; offset++)
                {
                    if (!touched[offset] || !IsMeasured((direction * Plan.OffsetCount) + offset))
                    {
                        continue;
                    }

                    cancel.ThrowIfCancellationRequested();
                    if (batch is null)
                    {
                        CutTime += Stopwatch.GetElapsedTime(begun);
                        batch = await _buffers.TakeAsync(_batchSize, _planesAlone ? 0 : Plan.Size * Plan.Size, cancel).ConfigureAwait(false);
                        begun = Stopwatch.GetTimestamp();
                    }

                    SlicesCut++;
                    var plane = new SlicePlane(SliceFrame.For(normal), Plan.OffsetMm(offset));
                    if (_planesAlone
                        || SliceCutter.Cut(Volume, plane.Frame, plane.OffsetMm, Plan.CentreMm, batch.Next, Plan.Size, Plan.PixelMm, Task.Settings.Intensity, occupancy.Box))
                    {
                        batch.Take((direction * Plan.OffsetCount) + offset, plane);
                    }

                    if (batch.IsFull)
                    {
                        _batches.Writer.TryWrite(batch);
                        batch = null;
                    }
                }
            }

            CutTime += Stopwatch.GetElapsedTime(begun);
            if (batch is { Count: > 0 })
            {
                _batches.Writer.TryWrite(batch);
                batch = null;
            }
        }
        finally
        {
            if (batch is not null)
            {
                _buffers.Return(batch);
            }
        }
    }

    /// <summary>The occupancy of a volume in memory: that of the last intensity map asked for.</summary>
    private sealed class OccupancyOf
    {
        private readonly Lock _lock = new();
        private (IntensityMap Intensity, Occupancy Occupancy)? _known;

        public Occupancy For(Volume volume, IntensityMap intensity)
        {
            lock (_lock)
            {
                if (_known is not { } known || known.Intensity != intensity)
                {
                    _known = known = (intensity, Occupancy.Of(volume, intensity));
                }

                return known.Occupancy;
            }
        }
    }
}
