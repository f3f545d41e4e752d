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
    private bool _givenBack;
    private readonly CancellationTokenSource _stopping;
    private readonly Channel<SliceBatch> _batches = Channel.CreateUnbounded<SliceBatch>();

    /// <param name="buffers">Those of the encoder; its cutters take turns with them.</param>
    /// <param name="after">The cutter of the lease before, or null: this one begins when that one has cut its last slice.</param>
    /// <param name="planesAlone">True where the encoder cuts the slices.</param>
    /// <param name="channels">The volume's channels.</param>
    /// <param name="guide">Logits to take for the lease's planes, <c>[class, direction, offset]</c>, NaN where one is to be measured; null to measure all.</param>
    public LeaseCutter(
        VolumeTask task, IReadOnlyList<Volume> channels, DirectionRange directions, float[]? guide, bool planesAlone, int batchPixels, BatchBuffers buffers, LeaseCutter? after, CancellationToken cancel)
    {
        (Task, Channels, Directions, Guide, _planesAlone, _buffers) = (task, channels, directions, guide, planesAlone, buffers);
        Plan = task.Plan();
        var (fit, whole) = (Math.Clamp(batchPixels / (channels.Count * Plan.Size * Plan.Size), 1, MaximumBatch), TorchSliceEncoder.CpuBatchOf(Plan.Size));
        _batchSize = planesAlone ? PlanesBatch : fit < whole ? fit : fit / whole * whole; // the encoder fills up what is no whole batch of its own
        _stopping = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        var before = after?.Completion ?? System.Threading.Tasks.Task.CompletedTask;
        Completion = System.Threading.Tasks.Task.Run(() => RunAsync(before, _stopping.Token), CancellationToken.None);
    }

    public VolumeTask Task { get; }

    public IReadOnlyList<Volume> Channels { get; }

    public DirectionRange Directions { get; }

    public float[]? Guide { get; }

    public SamplingPlan Plan { get; }

    /// <summary>Slices cut; known when all batches are taken.</summary>
    public long SlicesCut { get; private set; }

    public TimeSpan CutTime { get; private set; }

    /// <summary>True once the block was given back: it is not to be encoded, unless that has begun.</summary>
    public bool IsGivenBack => Volatile.Read(ref _givenBack);

    /// <summary>Ends, without error, when the last slice is cut or cutting has failed.</summary>
    private Task Completion { get; }

    /// <summary>The next batch, waited for; null after the last.</summary>
    /// <exception cref="OperationCanceledException">Cutting was cancelled.</exception>
    public SliceBatch? Take()
    {
        var ready = _batches.Reader.WaitToReadAsync().AsTask().GetAwaiter().GetResult(); // a cutter's failure is thrown here
        return ready && _batches.Reader.TryRead(out var batch) ? batch : null;
    }

    /// <summary>False where the guide gives a plane's logit, or no logits are asked for.</summary>
    /// <param name="at">Place <c>[direction, offset]</c> in the lease; a plane is measured for all classes or none.</param>
    public bool IsMeasured(int at) => !Task.Settings.IsCentreBlob && (Guide is null || float.IsNaN(Guide[at]));

    public void Return(SliceBatch batch) => _buffers.Return(batch);

    public void GiveBack() => Volatile.Write(ref _givenBack, true);

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
        using var span = SliceTelemetry.Source.Begin("lease.cut", Task.TraceParent);
        var begun = Stopwatch.GetTimestamp();
        var occupancies = Channels.Zip(Task.Intensities, (volume, map) => _occupancies.GetOrCreateValue(volume).For(volume, map)).ToArray();
        var (touched, touchedByOne) = (new bool[Plan.OffsetCount], new bool[Plan.OffsetCount]);
        SliceBatch? batch = null;
        try
        {
            for (var direction = 0; direction < Directions.Count; direction++)
            {
                var normal = Plan.Directions.Normals[Directions.First + direction];
                Array.Clear(touched);
                foreach (var occupancy in occupancies)
                {
                    occupancy.Touched(normal, Plan, touchedByOne);
                    for (var offset = 0; offset < touched.Length; offset++)
                    {
                        touched[offset] |= touchedByOne[offset];
                    }
                }

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
                        batch = await _buffers.TakeAsync(_batchSize, _planesAlone ? 0 : Channels.Count * Plan.Size * Plan.Size, cancel).ConfigureAwait(false);
                        begun = Stopwatch.GetTimestamp();
                    }

                    SlicesCut++;
                    var plane = new SlicePlane(SliceFrame.For(normal), Plan.OffsetMm(offset));
                    if (_planesAlone || Cut(plane, occupancies, batch.Next))
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

    /// <summary>Cuts a slice from all channels into <c>[channel, row, column]</c> pixels.</summary>
    /// <returns>False where every pixel is fill.</returns>
    private bool Cut(SlicePlane plane, Occupancy[] occupancies, Span<float> pixels)
    {
        var (anything, ofChannel) = (false, Plan.Size * Plan.Size);
        for (var channel = 0; channel < Channels.Count; channel++)
        {
            anything |= SliceCutter.Cut(
                Channels[channel],
                plane.Frame,
                plane.OffsetMm,
                Plan.CentreMm,
                pixels.Slice(channel * ofChannel, ofChannel),
                Plan.Size,
                Plan.PixelMm,
                Task.Intensities[channel],
                occupancies[channel].Box);
        }

        return anything;
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
