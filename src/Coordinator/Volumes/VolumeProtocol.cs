using ToNNO.Contracts;

namespace ToNNO.Coordinator.Volumes;

/// <summary>Between the actors of one coordinator.</summary>
internal static class VolumeProtocol
{
    /// <summary>The sender asks to be let into work, until it ends.</summary>
    /// <param name="Alone">No other volume is to be in work with it.</param>
    public sealed record AdmissionRequested(RunId RunId, VolumeId VolumeId, long SizeBytes, bool Alone) : ILocalMessage;

    public sealed record Admitted : ILocalMessage;

    /// <summary>Another run is at a volume, and this one waits.</summary>
    public sealed record TurnAwaited(VolumeId VolumeId) : ILocalMessage;

    /// <summary>No other run is at the volume.</summary>
    public sealed record TurnCame(VolumeId VolumeId) : ILocalMessage;

    /// <summary>A run that comes first waits for the volume, or for its place: both are to be left to it, unless the volume's result is already
    /// being made. May be said again.</summary>
    public sealed record GiveWay : ILocalMessage;

    /// <summary>The sender is about to end, and gives way to nobody any more.</summary>
    public sealed record Stays : ILocalMessage;

    /// <summary>The sender leaves what it has to another run: it is to be stopped, and begun anew later.</summary>
    public sealed record GivenWay(RunInput Input) : ILocalMessage;

    /// <summary>The sender fails as nobody foresaw, and is about to be stopped for it.</summary>
    public sealed record Broken(VolumeId VolumeId, string? TraceParent) : ILocalMessage;

    /// <summary>Tells a volume's actor to end its work without a result.</summary>
    public sealed record Cancel : ILocalMessage;

    /// <summary>Another coordinator has taken over: this one must write no more.</summary>
    public sealed record Superseded : ILocalMessage;

    /// <summary>A run's document says how it ended: whoever asks from now on is answered by it.</summary>
    public sealed record RunEnded(RunId RunId) : ILocalMessage;

    /// <summary>How the leases of a run are to be handed out, and its volumes; for the lease desk, which watches the sender, the gate and the admission.</summary>
    /// <param name="Held">None are, for now.</param>
    public sealed record RunStands(RunId RunId, int Priority, bool Held) : ILocalMessage;

    /// <summary>So many volumes of a run have not ended; for the lease desk.</summary>
    public sealed record VolumesRemain(RunId RunId, int Volumes) : ILocalMessage;

    /// <summary>Leases of a volume that are to be encoded now.</summary>
    public sealed record LeasesOpened(VolumeTask Task, IReadOnlyList<DirectionRange> Leases) : ILocalMessage;

    /// <summary>Encoders died with the volume in their hands, or what was suspect is encoded: for the ledger.</summary>
    public sealed record DeathsNoted(VolumeDeaths Deaths) : ILocalMessage;

    /// <summary>The ledger has them.</summary>
    public sealed record DeathsRecorded : ILocalMessage;

    /// <summary>Rows of a range are in the store.</summary>
    public sealed record RowsStored(DirectionRange Directions, BlobRef Rows, long SlicesEncoded) : ILocalMessage;

    /// <summary>The heatmap is made of these first directions, all of whose rows are in the store.</summary>
    /// <param name="PassChanges">What each pass changed, NaN for the first; empty where there was one.</param>
    public sealed record DirectionsSettled(int Directions, IReadOnlyList<double> PassChanges) : ILocalMessage;

    /// <summary>All slabs are in the store, in order.</summary>
    public sealed record SlabsCompleted(IReadOnlyList<BlobRef> Slabs, TimeSpan BackprojectionTime) : ILocalMessage;

    /// <summary>A stage ended without a result.</summary>
    public sealed record StageFailed(string ReasonCode, string Detail, VolumeState State) : ILocalMessage;

    /// <summary>How the work on a volume of a canceled run ends.</summary>
    public static StageFailed Canceled { get; } = new("run.canceled", "The run was canceled.", VolumeState.Canceled);

    /// <summary>How far a volume is.</summary>
    public sealed record VolumeAdvanced(VolumeId VolumeId, int Leases, int LeasesDone, long SlicesEncoded) : ILocalMessage;
}
