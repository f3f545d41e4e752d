using System.Diagnostics;
using ToNNO.Contracts;
using ToNNO.Encoders;
using ToNNO.Tomography.Geometry;

namespace ToNNO.SliceActors.Encoding;

/// <summary>Encodes the slices of leases, while they are cut. One per device, for its buffers: one lease is encoded at a time,
/// while others begin.</summary>
/// <param name="cutsOnDevice">True for models whose encoder cuts slices on its device; null where none does. Maps are made of slices
/// that are cut here.</param>
public sealed class LeaseEncoder(int batchPixels, Func<string, bool>? cutsOnDevice = null)
{
    private readonly BatchBuffers _buffers = new();
    private (string Model, SliceFormat Format, VolumeTask Task, BlankSlice Slice)? _blank;

    /// <summary>Cuts and encodes a lease.</summary>
    /// <param name="guide">Logits to take for the lease's planes, <c>[class, direction, offset]</c>, NaN where one is to be measured; null to measure all.</param>
    /// <param name="readTime">What reading the volume took; it is counted with the lease.</param>
    /// <exception cref="EncoderException">The encoder failed.</exception>
    /// <exception cref="OperationCanceledException">The node stops; nothing of the lease is kept.</exception>
    public EncodedLease Encode(
        VolumeTask task, IReadOnlyList<Volume> channels, DirectionRange lease, float[]? guide, ISliceEncoder encoder, TimeSpan readTime, CancellationToken cancel)
    {
        using var cutter = Begin(task, channels, lease, guide, null, cancel);
        return Encode(cutter, encoder, readTime, cancel);
    }

    /// <summary>Begins to cut a lease, as far ahead as the buffers reach.</summary>
    /// <param name="after">The cutter of the lease that is encoded before.</param>
    internal LeaseCutter Begin(VolumeTask task, IReadOnlyList<Volume> channels, DirectionRange lease, float[]? guide, LeaseCutter? after, CancellationToken cancel) =>
        new(task, channels, lease, guide, task.Settings.Cam is null && cutsOnDevice?.Invoke(task.Settings.Model) == true, batchPixels, _buffers, after, cancel);

    /// <summary>Encodes the slices of a lease as they come.</summary>
    /// <inheritdoc cref="Encode(VolumeTask, IReadOnlyList{Volume}, DirectionRange, float[], ISliceEncoder, TimeSpan, CancellationToken)"/>
    internal EncodedLease Encode(LeaseCutter cutter, ISliceEncoder encoder, TimeSpan readTime, CancellationToken cancel)
    {
        var plan = cutter.Plan;
        var format = new SliceFormat(plan.Size, plan.PixelMm);
        var blank = Blank(cutter.Task, encoder, format);
        var answers = new SliceAnswers(encoder, format, cutter.Task, cutter.Directions, plan.OffsetCount, blank);
        if (cutter.Guide is { } guide)
        {
            answers.TakeGuide(guide);
        }

        var (encoded, encodeTime, starved) = (0L, TimeSpan.Zero, TimeSpan.Zero);
        while (true)
        {
            cancel.ThrowIfCancellationRequested();
            var begun = Stopwatch.GetTimestamp();
            if (cutter.Take() is not { } batch)
            {
                break;
            }

            starved += Stopwatch.GetElapsedTime(begun);
            begun = Stopwatch.GetTimestamp();
            try
            {
                encoded += batch.HasPixels ? answers.Take(batch) : answers.TakePlanes(batch, cutter.Channels, plan.CentreMm);
            }
            finally
            {
                cutter.Return(batch);
            }

            encodeTime += Stopwatch.GetElapsedTime(begun);
        }

        SliceTelemetry.Busy(encodeTime, encoder.Device);
        SliceTelemetry.StarvedOfPixels(starved, encoder.Device);
        var cost = new RowsCost(cutter.SlicesCut, ((long)cutter.Directions.Count * plan.OffsetCount) - encoded, encoded, readTime, cutter.CutTime, encodeTime);
        var rows = new RowsBlob(cutter.Directions, plan.OffsetCount, blank.Logits, cost, answers.Logits)
        {
            Device = encoder.Device,
            Libtorch = encoded > 0 ? encoder.Libtorch : "",
            Batch = encoded > 0 ? encoder.BatchSize(plan.Size) : null,
        };
        return new EncodedLease(rows, answers.Stacks);
    }

    /// <summary>The encoder's answer to a slice of fill, asked for once.</summary>
    private BlankSlice Blank(VolumeTask task, ISliceEncoder encoder, SliceFormat format)
    {
        var settings = task.Settings;
        if (_blank is { } known && (known.Model, known.Format, known.Task.Settings.Cam) == (encoder.Card.Sha256, format, settings.Cam)
            && known.Task.Intensities.SequenceEqual(task.Intensities) && known.Task.Settings.Classes.SequenceEqual(settings.Classes))
        {
            return known.Slice;
        }

        var blank = SliceAnswers.Blank(encoder, format, task);
        _blank = (encoder.Card.Sha256, format, task, blank);
        return blank;
    }
}
