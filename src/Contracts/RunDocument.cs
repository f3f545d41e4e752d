using System.Text.Json.Serialization;

namespace ToNNO.Contracts;

/// <summary>Where a run stands.</summary>
public enum RunState
{
    Unspecified = 0,
    Active = 1,

    /// <summary>Leases that are out are finished; no more are handed out until the run is resumed.</summary>
    Paused = 2,
    Finished = 3,
    Canceled = 4,
}

/// <summary>A run as it lies in the store, written last of its parts: <c>.tonno/runs/ID/run.json</c>. Its inputs lie beside it by the
/// page, so that nobody need hold all of a large archive's.</summary>
public sealed record RunDocument
{
    /// <summary>Inputs on a page: some 200 kB.</summary>
    public const int PageSize = 1000;

    public const string Folder = ".tonno/runs/";

    public required RunId RunId { get; init; }

    public required RunSettings Settings { get; init; }

    public required int InputCount { get; init; }

    public required DateTimeOffset SubmittedAt { get; init; }

    public RunState State { get; init; } = RunState.Active;

    /// <summary>Runs of higher priority get encoders first.</summary>
    public int Priority { get; init; }

    /// <summary>The coordinator's that wrote last.</summary>
    public long Epoch { get; init; }

    /// <summary>The span of its submission, which all of the run's spans are under (W3C Trace Context); null where nobody traced it.</summary>
    public string? TraceParent { get; init; }

    /// <summary>How the volumes ended; null until the run has.</summary>
    public RunCounts? Counts { get; init; }

    /// <summary>Part of the names of its pages, so that of two submissions of one name none has the other's; empty in documents of old.</summary>
    public string PagesKey { get; init; } = "";

    /// <summary>Tells its order from others: the same submission bears the same; null where it was not submitted.</summary>
    public string? OrderKey { get; init; }

    /// <summary>True for the run of a process that is there for it alone: it ends with that process.</summary>
    public bool OfOneProcess { get; init; }

    [JsonIgnore]
    public int PageCount => (InputCount + PageSize - 1) / PageSize;

    /// <summary>Inputs on a page.</summary>
    public int InputsOn(int page) => Math.Min(PageSize, InputCount - (page * PageSize));

    /// <summary>A canceled run ends when what was under way has stopped.</summary>
    [JsonIgnore]
    public bool IsEnded => Counts is not null;

    /// <summary>Where an input stands that the ledger has no entry of.</summary>
    [JsonIgnore]
    public VolumeState UnbegunState => State == RunState.Canceled && IsEnded ? VolumeState.Canceled : VolumeState.Scheduled;

    public static string PathOf(RunId run) => $"{Folder}{Uri.EscapeDataString(run.Value)}/run.json";

    public string PagePath(int page) => $"{Folder}{Uri.EscapeDataString(RunId.Value)}/{(PagesKey.Length == 0 ? "" : PagesKey + "/")}inputs-{page:D4}.json";
}

/// <summary>A page of a run's inputs.</summary>
public sealed record RunInputPage(IReadOnlyList<RunInput> Inputs);

/// <param name="Uris">Where the volume is read: one URI for each channel of the model, co-registered.</param>
/// <param name="Label">What the user's manifest says of it; null where it says nothing.</param>
public sealed record RunInput(VolumeId VolumeId, IReadOnlyList<string> Uris, string? Label = null)
{
    /// <summary>Its id alone: logs may tell of messages, and neither a path nor a label is for them.</summary>
    public override string ToString() => VolumeId.Value;
}

/// <summary>Volumes by how they ended.</summary>
/// <param name="Completed">Those with a warning among them.</param>
/// <param name="Warnings">Of those completed.</param>
/// <param name="Reused">Of those completed: an earlier run's verified result stood.</param>
public readonly record struct RunCounts(int Completed, int Warnings, int Reused, int Failed, int Quarantined, int Canceled)
{
    [JsonIgnore]
    public int Total => Completed + Failed + Quarantined + Canceled;

    public RunCounts Add(RunCounts others) => new(
        Completed + others.Completed, Warnings + others.Warnings, Reused + others.Reused, Failed + others.Failed, Quarantined + others.Quarantined, Canceled + others.Canceled);

    public RunCounts Add(VolumeState state, bool reused) => state switch
    {
        VolumeState.Completed => this with { Completed = Completed + 1, Reused = Reused + (reused ? 1 : 0) },
        VolumeState.Warning => this with { Completed = Completed + 1, Warnings = Warnings + 1, Reused = Reused + (reused ? 1 : 0) },
        VolumeState.Failed => this with { Failed = Failed + 1 },
        VolumeState.Quarantined => this with { Quarantined = Quarantined + 1 },
        VolumeState.Canceled => this with { Canceled = Canceled + 1 },
        _ => throw new ArgumentOutOfRangeException(nameof(state), state, "The volume has not ended."),
    };
}
