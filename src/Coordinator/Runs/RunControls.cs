using ToNNO.Contracts;

namespace ToNNO.Coordinator.Runs;

/// <summary>What becomes of a run, and of a volume that is lost to it. Pure.</summary>
internal static class RunControls
{
    /// <summary>Reason code of a volume whose work failed as nobody foresaw.</summary>
    public const string Unexpected = "internal.failure";

    /// <summary>The run's document as a command would have it; one that has ended stays, and one that is canceled stays so.</summary>
    public static RunDocument Apply(RunDocument run, RunProtocol.ControlRun control) => IsRefused(run, control) ? run : control.Control switch
    {
        RunControl.Pause => run with { State = RunState.Paused },
        RunControl.Resume => run with { State = RunState.Active },
        RunControl.Cancel => run with { State = RunState.Canceled },
        RunControl.Prioritize => run with { Priority = control.Priority },
        _ => run,
    };

    /// <summary>True where a command comes too late: its run has ended, or is about to.</summary>
    public static bool IsRefused(RunDocument run, RunProtocol.ControlRun control) =>
        run.IsEnded || (run.State == RunState.Canceled && control.Control is RunControl.Pause or RunControl.Resume);

    /// <summary>How a volume ends whose actor failed.</summary>
    public static RunProtocol.VolumeConcluded Lost(RunId run, VolumeId volume) => new(
        run,
        volume,
        VolumeState.Failed,
        Unexpected,
        "The work on this volume failed unexpectedly; the log says where. Please report it.",
        Reused: false,
        TimeSpan.Zero);
}
