using ToNNO.Contracts;

namespace ToNNO.Coordinator.Runs;

/// <summary>What becomes of a run, and of a volume that is lost to it. Pure.</summary>
internal static class RunControls
{
    /// <summary>The run's document as a command would have it; one that has ended stays.</summary>
    public static RunDocument Apply(RunDocument run, RunProtocol.ControlRun control) => run.IsEnded ? run : control.Control switch
    {
        RunControl.Pause => run with { State = RunState.Paused },
        RunControl.Resume => run with { State = RunState.Active },
        RunControl.Cancel => run with { State = RunState.Canceled },
        RunControl.Prioritize => run with { Priority = control.Priority },
        _ => run,
    };

    /// <summary>How a volume ends whose actor failed.</summary>
    public static RunProtocol.VolumeConcluded Lost(RunId run, VolumeId volume) => new(
        run,
        volume,
        VolumeState.Failed,
        "internal.failure",
        "The work on this volume failed unexpectedly; the log says where. Please report it.",
        Reused: false,
        TimeSpan.Zero);
}
