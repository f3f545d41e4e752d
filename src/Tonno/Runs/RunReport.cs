using ToNNO.Contracts;

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

    public bool Balances => Inputs == Completed + Failed + Quarantined + Unfinished;

    public static RunReport Of(IReadOnlyList<RunInput> inputs, IReadOnlyList<RunProtocol.VolumeConcluded> concluded)
    {
        var ends = concluded.ToDictionary(volume => volume.VolumeId);
        var lines = inputs.Select(input =>
        {
            var end = ends.GetValueOrDefault(input.VolumeId);
            return new VolumeLine(
                input.VolumeId,
                input.Uri,
                end?.State ?? VolumeState.Canceled,
                end?.Reused ?? false,
                end?.ReasonCode is { Length: > 0 } code ? code : null,
                end?.Detail is { Length: > 0 } detail ? detail : null,
                end?.Elapsed.TotalSeconds ?? 0);
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
        };
    }

    public sealed record VolumeLine(
        VolumeId VolumeId, string Source, VolumeState State, bool Reused, string? ReasonCode, string? Detail, double Seconds);
}
