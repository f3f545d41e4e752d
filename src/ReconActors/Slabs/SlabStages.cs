namespace ToNNO.ReconActors.Slabs;

/// <summary>What a slab's time goes into. A slab takes rows hundreds of times, and a volume may have hundreds of slabs: so each stage is told once
/// a slab, from its first beginning to its last end, with what it took in all.</summary>
internal sealed class SlabStages
{
    public const string Read = "read";
    public const string Filter = "filter";
    public const string Backproject = "backproject";
    public const string Write = "write";

    private readonly Dictionary<string, (DateTimeOffset Begun, DateTimeOffset Ended, TimeSpan Busy)> _stages = new(StringComparer.Ordinal);

    /// <summary>A part of a stage that began at <paramref name="begun"/> is over.</summary>
    public void Ended(string stage, DateTimeOffset begun)
    {
        var now = Now();
        _stages[stage] = _stages.TryGetValue(stage, out var before) ? (before.Begun, now, before.Busy + (now - begun)) : (begun, now, now - begun);
    }

    /// <summary>Tells of all stages, under the span of the slab, and begins anew.</summary>
    public void Tell(string? traceParent)
    {
        foreach (var (stage, (begun, ended, busy)) in _stages)
        {
            ReconTelemetry.Staged(stage, begun, ended, busy, traceParent);
        }

        _stages.Clear();
    }

    public static DateTimeOffset Now() => TimeProvider.System.GetUtcNow();
}
