using System.Diagnostics;
using ToNNO.Contracts;
using ToNNO.Coordinator.Volumes;
using ToNNO.Encoders;
using ToNNO.SliceActors;
using ToNNO.SliceActors.Encoding;
using ToNNO.Tomography.Geometry;

namespace ToNNO.Tonno.Planning;

/// <summary>How fast encoders are.</summary>
/// <param name="SlicesPerSecond">Of one encoder, cutting included.</param>
/// <param name="Encoders">That work at once.</param>
/// <param name="Size">Edge of the slices that were measured, pixels; null where the user gave the speed.</param>
internal sealed record EncoderSpeed(double SlicesPerSecond, int Encoders, int? Size)
{
    private static readonly TimeSpan MeasuredFor = TimeSpan.FromSeconds(3);

    /// <summary>Time that one encoder takes. Slices of another size than the measured take time by their pixels.</summary>
    public double Seconds(PlannedVolume volume) =>
        volume.EncoderCalls / SlicesPerSecond * (Size is { } size ? Math.Pow((double)volume.Work!.Sampling.Size / size, 2) : 1);

    /// <summary>Has one encoder cut and encode slices of a made-up volume for a few seconds, as a run does.</summary>
    /// <param name="work">Whose slices are imitated.</param>
    /// <exception cref="EncoderException">The model or the device cannot be had.</exception>
    public static EncoderSpeed Measure(VolumeWork work, string device, int encoders, CancellationToken cancel)
    {
        using var encoder = EncoderFactory.Open(work.Task.Settings.Model, device);
        var (geometry, maps) = (work.Task.Geometry, work.Task.Settings.Intensities.Select(map => map with { Rule = null }).ToList());
        var channels = maps.Select(map => new Volume(geometry, VolumeSamples.FromInt16(new short[geometry.Shape.VoxelCount], 1, NoFill(map)))).ToList();
        var task = work.Task with { OwnIntensities = maps };
        var lease = new LeaseEncoder(new SliceOptions().BatchPixels, model => EncoderFactory.CutsOnDevice(model, device));
        Encode(0); // the first slices find memory and code still to be had
        var (begun, encoded, direction) = (Stopwatch.GetTimestamp(), 0L, 0);
        while (Stopwatch.GetElapsedTime(begun) < MeasuredFor)
        {
            direction = (direction + 1) % work.Sampling.Directions.Count;
            encoded += Encode(direction);
        }

        return new EncoderSpeed(encoded / Stopwatch.GetElapsedTime(begun).TotalSeconds, encoders, work.Sampling.Size);

        long Encode(int at) => lease.Encode(task, channels, new DirectionRange(at, 1), null, encoder, TimeSpan.Zero, cancel).Rows.Cost.SlicesEncoded;
    }

    /// <summary>An intensity that becomes another pixel than fill, which no encoder is asked for.</summary>
    private static float NoFill(IntensityMap map) => map.IsIdentity ? map.Fill + 1
        : Math.Abs(map.Fill - map.Low) > Math.Abs(map.Fill - map.High) ? map.Low : map.High;
}
