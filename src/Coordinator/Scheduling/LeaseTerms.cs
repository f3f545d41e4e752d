using ToNNO.Contracts;

namespace ToNNO.Coordinator.Scheduling;

/// <summary>How long leases are and when they are overdue, by how fast each encoder was at its run. Pure.</summary>
internal sealed class LeaseTerms(CoordinatorOptions options)
{
    /// <summary>What the latest block counts against all before it.</summary>
    private const double Newest = 0.3;

    /// <summary>How much longer than expected an encoder may take: neighbours share its machine, and volumes must be read first.</summary>
    private const double Patience = 10;

    /// <summary>What no block takes, however slow the encoder was once.</summary>
    private static readonly TimeSpan Longest = TimeSpan.FromDays(2);

    private readonly Dictionary<RunId, RunSpeeds> _runs = [];
    private double _ofLate;

    /// <inheritdoc cref="CoordinatorOptions.RefusalPause"/>
    public TimeSpan RefusalPause => options.RefusalPause;

    /// <summary>An encoder took so long over a block.</summary>
    public void Note(RunId run, string encoder, int slices, TimeSpan elapsed)
    {
        if (elapsed <= TimeSpan.Zero)
        {
            return;
        }

        if (!_runs.TryGetValue(run, out var speeds))
        {
            _runs[run] = speeds = new RunSpeeds();
        }

        var speed = slices / elapsed.TotalSeconds;
        _ofLate = Mixed(_ofLate, speed);
        speeds.Any = Mixed(speeds.Any, speed);
        speeds.ByEncoder[encoder] = Mixed(speeds.ByEncoder.GetValueOrDefault(encoder), speed);
    }

    /// <summary>Slices a second that an encoder makes of a run, or any encoder where this one has not shown it; null where none has.</summary>
    public double? Speed(RunId run, string encoder) => !_runs.TryGetValue(run, out var speeds) ? null
        : speeds.ByEncoder.TryGetValue(encoder, out var own) ? own : speeds.Any;

    /// <summary>Slices a second that an encoder makes of a run; while none has shown it, of the runs before, and while there was none, what
    /// is guessed for the first leases.</summary>
    public double Speed(RunId run) => _runs.TryGetValue(run, out var speeds) ? speeds.Any : _ofLate > 0 ? _ofLate : options.SlicesPerLease / options.LeaseAim.TotalSeconds;

    /// <summary>Blocks that a lease of a volume aims at. Those of passes and maps are single: passes are short and all encoders are to have
    /// a part of each, and maps are large.</summary>
    public int Blocks(LeaseOffer offer, string encoder)
    {
        var settings = offer.Task.Settings;
        if (settings.Passes is not null || settings.Maps is not null)
        {
            return 1;
        }

        var slices = Speed(offer.Work.Run, encoder) is { } speed ? speed * options.LeaseAim.TotalSeconds : options.SlicesPerLease;
        return (int)Math.Clamp(slices / ((double)offer.Task.LeaseDirections * offer.SlicesPerDirection), 1, options.MaximumLeaseBlocks);
    }

    /// <summary>How long an encoder may take over what it has then in its hands.</summary>
    public TimeSpan Deadline(RunId run, string encoder, long slices)
    {
        if (!_runs.TryGetValue(run, out var speeds) || !speeds.ByEncoder.TryGetValue(encoder, out var speed))
        {
            return options.LeaseDeadline;
        }

        return TimeSpan.FromSeconds(Math.Max(options.ShortestLeaseDeadline.TotalSeconds, Math.Min(Patience * slices / speed, Longest.TotalSeconds)));
    }

    public void Forget(RunId run) => _runs.Remove(run);

    public void Forget(string encoder)
    {
        foreach (var speeds in _runs.Values)
        {
            speeds.ByEncoder.Remove(encoder);
        }
    }

    private static double Mixed(double known, double speed) => known > 0 ? (Newest * speed) + ((1 - Newest) * known) : speed;

    private sealed class RunSpeeds
    {
        public double Any { get; set; }

        public Dictionary<string, double> ByEncoder { get; } = [];
    }
}
