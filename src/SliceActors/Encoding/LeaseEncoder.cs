using System.Diagnostics;
using ToNNO.Contracts;
using ToNNO.Encoders;
using ToNNO.Tomography.Geometry;
using ToNNO.Tomography.Sampling;
using ToNNO.Tomography.Slicing;

namespace ToNNO.SliceActors.Encoding;

/// <summary>Cuts and encodes the slices of a lease. Not thread-safe: one per encoder actor, for its buffers.</summary>
/// <remarks>Slices go to the encoder in order of direction and offset, in batches whose size depends on the slice size alone,
/// so that a lease gives the same bytes wherever and whenever it is encoded.</remarks>
public sealed class LeaseEncoder(int batchPixels)
{
    private const int MaximumBatch = 64;
    private float[] _pixels = [];
    private (string Model, SliceFormat Format, IntensityMap Intensity, float Logit)? _blank;

    /// <summary>Encodes a lease.</summary>
    /// <param name="guide">Logits to take for the lease's planes, <c>[direction, offset]</c>, NaN where one is to be measured; empty to measure all.</param>
    /// <param name="readTime">What reading the volume took; it is counted with the lease.</param>
    /// <exception cref="EncoderException">The encoder failed.</exception>
    /// <exception cref="OperationCanceledException">The node stops; nothing of the lease is kept.</exception>
    public RowsBlob Encode(
        VolumeTask task, Volume volume, DirectionRange lease, ReadOnlySpan<float> guide, ISliceEncoder encoder, TimeSpan readTime, CancellationToken cancel)
    {
        var plan = task.Plan();
        var format = new SliceFormat(plan.Size, plan.PixelMm);
        var slicePixels = plan.Size * plan.Size;
        var batch = new Batch(Math.Clamp(batchPixels / slicePixels, 1, MaximumBatch));
        if (_pixels.Length < batch.Capacity * slicePixels)
        {
            _pixels = new float[batch.Capacity * slicePixels];
        }

        var logits = new float[lease.Count * plan.OffsetCount];
        var blank = BlankLogit(task, encoder, format);
        Array.Fill(logits, blank);
        var (cut, encoded) = (0L, 0L);
        var (cutTime, encodeTime) = (TimeSpan.Zero, TimeSpan.Zero);

        void Flush()
        {
            var begun = Stopwatch.GetTimestamp();
            encoder.Encode(_pixels.AsSpan(0, batch.Count * slicePixels), batch.Count, format, batch.Logits.AsSpan(0, batch.Count));
            for (var slot = 0; slot < batch.Count; slot++)
            {
                logits[batch.Rows[slot]] = batch.Logits[slot];
            }

            encoded += batch.Count;
            batch.Count = 0;
            encodeTime += Stopwatch.GetElapsedTime(begun);
        }

        for (var at = 0; at < logits.Length; at++)
        {
            cancel.ThrowIfCancellationRequested();
            if (!guide.IsEmpty && !float.IsNaN(guide[at]))
            {
                logits[at] = guide[at];
                continue;
            }

            var normal = plan.Directions.Normals[lease.First + (at / plan.OffsetCount)];
            var offset = plan.OffsetMm(at % plan.OffsetCount);
            if (SliceCutter.Misses(volume.Geometry, normal, offset))
            {
                continue;
            }

            var begun = Stopwatch.GetTimestamp();
            var slot = _pixels.AsSpan(batch.Count * slicePixels, slicePixels);
            var hasContent = SliceCutter.Cut(
                volume, SliceFrame.For(normal), offset, plan.CentreMm, slot, plan.Size, plan.PixelMm, task.Settings.Intensity);
            cutTime += Stopwatch.GetElapsedTime(begun);
            cut++;
            if (hasContent)
            {
                batch.Rows[batch.Count++] = at;
                if (batch.Count == batch.Capacity)
                {
                    Flush();
                }
            }
        }

        if (batch.Count > 0)
        {
            Flush();
        }

        return new RowsBlob(lease, plan.OffsetCount, blank, new RowsCost(cut, logits.Length - encoded, encoded, readTime, cutTime, encodeTime), logits)
        {
            Device = encoder.Device,
        };
    }

    /// <summary>The encoder's answer to a slice of fill, asked for once.</summary>
    private float BlankLogit(VolumeTask task, ISliceEncoder encoder, SliceFormat format)
    {
        var intensity = task.Settings.Intensity;
        if (_blank is { } known && known.Model == encoder.Card.Sha256 && known.Format == format && known.Intensity == intensity)
        {
            return known.Logit;
        }

        var pixels = new float[format.Size * format.Size];
        Array.Fill(pixels, intensity.Apply(intensity.Fill));
        var logit = new float[1];
        encoder.Encode(pixels, 1, format, logit);
        _blank = (encoder.Card.Sha256, format, intensity, logit[0]);
        return logit[0];
    }

    private sealed class Batch(int capacity)
    {
        public int Capacity { get; } = capacity;

        public int Count { get; set; }

        /// <summary>Place of each slot's logit among the lease's.</summary>
        public int[] Rows { get; } = new int[capacity];

        public float[] Logits { get; } = new float[capacity];
    }
}
