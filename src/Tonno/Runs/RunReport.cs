using ToNNO.Contracts;
using ToNNO.Coordinator.Api;

namespace ToNNO.Tonno.Runs;

/// <summary>The account of a run: every input, and how it ended. Written by <c>--report</c>.</summary>
internal sealed record RunReport
{
    public required int Inputs { get; init; }

    public required int Completed { get; init; }

    /// <summary>Of those completed, the ones whose verified result stood already.</summary>
    public required int Reused { get; init; }

    public required int Failed { get; init; }

    public required int Quarantined { get; init; }

    /// <summary>Inputs that were not reached: the run was interrupted.</summary>
    public required int Unfinished { get; init; }

    public required IReadOnlyList<VolumeLine> Volumes { get; init; }

    /// <summary>Files of the sources that no volume was made of, each with the reason.</summary>
    public required IReadOnlyList<LeftOutFile> LeftOut { get; init; }

    public bool Balances => Inputs == Completed + Failed + Quarantined + Unfinished;

    public static RunReport Of(PlannedRun run, IReadOnlyList<RunProtocol.VolumeConcluded> concluded)
    {
        var inputs = run.Inputs;
        var ends = concluded.ToDictionary(volume => volume.VolumeId);
        var lines = inputs.Select(input =>
        {
            var end = ends.GetValueOrDefault(input.VolumeId);
            return new VolumeLine(
                input.VolumeId,
                input.Uris,
                end?.State ?? VolumeState.Canceled,
                end?.Reused ?? false,
                end?.ReasonCode is { Length: > 0 } code ? code : null,
                end?.Detail is { Length: > 0 } detail ? detail : null,
                end?.Elapsed.TotalSeconds ?? 0,
                input.Label,
                run.TakenBy.GetValueOrDefault(input.VolumeId));
        }).ToList();
        int Count(params VolumeState[] states) => lines.Count(line => states.Contains(line.State));
        return new RunReport
        {
            Inputs = inputs.Count,
            Completed = Count(VolumeState.Completed, VolumeState.Warning),
            Reused = lines.Count(line => line.Reused),
            Failed = Count(VolumeState.Failed),
            Quarantined = Count(VolumeState.Quarantined),
            Unfinished = Count(VolumeState.Canceled),
            Volumes = lines,
            LeftOut = run.LeftOut,
        };
    }

    /// <param name="Sources">The volume's files, one for each channel.</param>
    /// <param name="Label">As its manifest has it.</param>
    /// <param name="Rule">The selection rule that took it.</param>
    public sealed record VolumeLine(
        VolumeId VolumeId, IReadOnlyList<string> Sources, VolumeState State, bool Reused, string? ReasonCode, string? Detail, double Seconds, string? Label, string? Rule);
}
