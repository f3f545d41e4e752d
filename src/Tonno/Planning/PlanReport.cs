using System.Text.Json.Serialization;
using ToNNO.Contracts;
using ToNNO.Coordinator.Api;
using ToNNO.Tomography.Geometry;

namespace ToNNO.Tonno.Planning;

/// <summary>What a run would do: every input, and the sums. What <c>tonno plan --json</c> prints.</summary>
internal sealed record PlanReport
{
    public required int Inputs { get; init; }

    public required int Planned { get; init; }

    public required int Refused { get; init; }

    /// <summary>Slices of all stacks.</summary>
    public required long Slices { get; init; }

    /// <summary>Slices that encoders are asked for, at most.</summary>
    public required long EncoderCalls { get; init; }

    /// <summary>The most memory that work on one volume takes, all nodes together, besides what encoders take for themselves.</summary>
    public required long LargestMemoryBytes { get; init; }

    /// <summary>Null where no encoder is needed.</summary>
    public required EncoderSpeed? Speed { get; init; }

    /// <summary>Time of encoders, of all together: on GPUs, GPU-seconds.</summary>
    public required double DeviceSeconds { get; init; }

    /// <summary>Time until the last slice is encoded, with all encoders at work.</summary>
    public required double Seconds { get; init; }

    /// <summary>Of an hour of an encoder's device; null where none is given.</summary>
    public required double? PricePerHour { get; init; }

    public required double? Cost { get; init; }

    /// <summary>Null where nothing is planned or no price is given.</summary>
    public required double? CostPer1000Volumes { get; init; }

    public required IReadOnlyList<Line> Volumes { get; init; }

    /// <summary>Files of the sources that no volume is made of, each with the reason.</summary>
    public required IReadOnlyList<LeftOutFile> LeftOut { get; init; }

    /// <summary>What selection rules took and left.</summary>
    public required IReadOnlyList<RuleAccount> Rules { get; init; }

    [JsonIgnore]
    public bool Balances => Inputs == Planned + Refused && Inputs == Volumes.Count;

    /// <param name="speed">Null where no encoder is needed.</param>
    public static PlanReport Of(PlannedRun run, IReadOnlyList<PlannedVolume> volumes, EncoderSpeed? speed, double? pricePerHour)
    {
        var lines = volumes.Select(volume => Line.Of(volume, run.TakenBy.GetValueOrDefault(volume.Input.VolumeId), speed)).ToList();
        var (planned, deviceSeconds) = (lines.Count(line => line.ReasonCode is null), lines.Sum(line => line.DeviceSeconds ?? 0));
        var cost = pricePerHour * deviceSeconds / TimeSpan.SecondsPerHour;
        return new PlanReport
        {
            Inputs = volumes.Count,
            Planned = planned,
            Refused = lines.Count(line => line.ReasonCode is not null),
            Slices = lines.Sum(line => line.Slices ?? 0),
            EncoderCalls = lines.Sum(line => line.EncoderCalls ?? 0),
            LargestMemoryBytes = lines.Max(line => line.MemoryBytes) ?? 0,
            Speed = speed,
            DeviceSeconds = deviceSeconds,
            Seconds = deviceSeconds / (speed?.Encoders ?? 1),
            PricePerHour = pricePerHour,
            Cost = cost,
            CostPer1000Volumes = planned == 0 ? null : 1000 * cost / planned,
            Volumes = lines,
            LeftOut = run.LeftOut,
            Rules = run.Rules,
        };
    }

    /// <summary>One input. What is null of a refused one is not known.</summary>
    /// <param name="Sources">The volume's files, one for each channel.</param>
    /// <param name="Shape">Of its heatmap.</param>
    /// <param name="Offsets">Slices of each stack.</param>
    /// <param name="Size">Edge of a slice, pixels.</param>
    /// <param name="Label">As its manifest has it.</param>
    /// <param name="Rule">The selection rule that took it.</param>
    internal sealed record Line(
        VolumeId VolumeId,
        IReadOnlyList<string> Sources,
        VolumeShape? Shape = null,
        int? Directions = null,
        int? Offsets = null,
        double? SpacingMm = null,
        double? PixelMm = null,
        int? Size = null,
        long? Slices = null,
        long? EncoderCalls = null,
        long? MemoryBytes = null,
        double? DeviceSeconds = null,
        string? ReasonCode = null,
        string? Detail = null,
        string? Label = null,
        string? Rule = null)
    {
        public static Line Of(PlannedVolume volume, string? rule, EncoderSpeed? speed)
        {
            var line = new Line(volume.Input.VolumeId, volume.Input.Uris, Label: volume.Input.Label, Rule: rule);
            if (volume.Work is not { } work)
            {
                return line with { ReasonCode = volume.Refusal!.Code, Detail = volume.Refusal.Message };
            }

            var sampling = work.Sampling;
            return line with
            {
                Shape = work.Task.Geometry.Shape,
                Directions = sampling.Directions.Count,
                Offsets = sampling.OffsetCount,
                SpacingMm = sampling.SpacingMm,
                PixelMm = sampling.PixelMm,
                Size = sampling.Size,
                Slices = work.Slices,
                EncoderCalls = volume.EncoderCalls,
                MemoryBytes = work.PredictedBytes,
                DeviceSeconds = speed?.Seconds(volume) ?? 0,
            };
        }
    }
}
