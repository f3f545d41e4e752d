using ToNNO.Contracts;
using ToNNO.Coordinator.Claims;
using ToNNO.Imaging;
using ToNNO.Storage;

namespace ToNNO.Coordinator.Volumes;

/// <summary>Where a volume stands, one small document each, written by compare-and-swap.</summary>
internal sealed record LedgerEntry
{
    /// <summary>Deaths with the volume in work: once with others, once alone.</summary>
    private const int MostStuck = 2;

    private const int MostNameRefusals = 16;

    private static readonly string _nameTaken = RejectReason.ResultNameTaken.Code();

    public required VolumeId VolumeId { get; init; }

    public required RunId RunId { get; init; }

    public required VolumeState State { get; init; }

    public string ReasonCode { get; init; } = "";

    public string Detail { get; init; } = "";

    /// <summary>How often work on the volume was begun.</summary>
    public int Attempts { get; init; }

    public string WorkKey { get; init; } = "";

    /// <summary>True where the run found the volume done, by another.</summary>
    public bool Reused { get; init; }

    /// <summary>Encoders that died with the volume in their hands, where any did.</summary>
    public VolumeDeaths? Deaths { get; init; }

    /// <summary>Blocks of directions that were in the store when work was begun.</summary>
    public int BlocksAtStart { get; init; }

    /// <summary>Processes in a row that ended with the volume in work and no block more in the store.</summary>
    public int Stuck { get; init; }

    /// <summary>What the manifest of the latest run says of the volume; null where it says nothing.</summary>
    public string? Label { get; init; }

    /// <summary>The trace of the latest work on the volume.</summary>
    public string? TraceId { get; init; }

    /// <summary>The coordinator's that wrote last.</summary>
    public long Epoch { get; init; }

    public DateTimeOffset UpdatedAt { get; init; }

    /// <summary>Runs that came with another source by this volume's name, while its result stood, each with what it was told; null where none did.</summary>
    public IReadOnlyDictionary<string, string>? NameRefusedTo { get; init; }

    /// <summary>For logs, which no label is for.</summary>
    public override string ToString() => $"{VolumeId} {State}";

    /// <summary>Work on a volume begins.</summary>
    /// <param name="blocks">Blocks of directions that are in the store.</param>
    /// <param name="stuck">As <see cref="StuckAfter"/> told.</param>
    public static LedgerEntry Begin(VolumeTask task, int blocks, int stuck, LedgerEntry? former) => new()
    {
        VolumeId = task.VolumeId,
        RunId = task.RunId,
        State = VolumeState.InProcess,
        WorkKey = task.WorkKey,
        BlocksAtStart = blocks,
        Stuck = stuck,
        Attempts = (former?.Attempts ?? 0) + 1,
        Deaths = former?.State == VolumeState.InProcess && former.WorkKey == task.WorkKey ? former.Deaths : null,
        NameRefusedTo = former?.NameRefusedTo,
    };

    /// <summary>How a volume's work ended. What is refused for its name leaves the entry of the volume that has it, and is noted there.</summary>
    public static LedgerEntry Of(RunProtocol.VolumeConcluded concluded, LedgerEntry? former) =>
        former is { IsDone: true } && concluded.ReasonCode == _nameTaken ? former with { NameRefusedTo = Latest(former.NameRefusedTo, concluded) } : Ended(concluded, former);

    private static LedgerEntry Ended(RunProtocol.VolumeConcluded concluded, LedgerEntry? former) => new()
    {
        VolumeId = concluded.VolumeId,
        RunId = concluded.RunId,
        State = concluded.State,
        ReasonCode = concluded.ReasonCode,
        Detail = concluded.Detail,
        Reused = concluded.Reused,
        Attempts = former?.Attempts ?? 0,
        WorkKey = former?.WorkKey ?? "",
        Label = former?.Label,
        Deaths = concluded.State == VolumeState.Quarantined ? former?.Deaths : null,
        NameRefusedTo = former?.NameRefusedTo,
    };

    /// <summary>The entry as a run is to know it.</summary>
    public LedgerEntry For(RunId run) => NameRefusedTo?.GetValueOrDefault(run.Value) is { } told
        ? new() { VolumeId = VolumeId, RunId = run, State = VolumeState.Quarantined, ReasonCode = _nameTaken, Detail = told, UpdatedAt = UpdatedAt }
        : this;

    private static Dictionary<string, string> Latest(IReadOnlyDictionary<string, string>? refused, RunProtocol.VolumeConcluded concluded) => new(
        (refused ?? new Dictionary<string, string>()).Where(one => one.Key != concluded.RunId.Value).TakeLast(MostNameRefusals - 1).Append(new(concluded.RunId.Value, concluded.Detail)));

    private bool IsDone => State is VolumeState.Completed or VolumeState.Warning;

    /// <summary>As <see cref="Stuck"/>, when work on the volume is to begin.</summary>
    /// <param name="diedEpoch">Of the process before, where it ended without a word.</param>
    /// <param name="blocks">Blocks that are in the store.</param>
    public int StuckAfter(long? diedEpoch, string workKey, int blocks) =>
        State == VolumeState.InProcess && Epoch == diedEpoch && WorkKey == workKey && BlocksAtStart == blocks ? Stuck + 1 : 0;

    /// <summary>Why work on the volume is not to begin: processes die of it, and it stays set aside until it is put back. Null where it may begin.</summary>
    /// <param name="stuck">As <see cref="StuckAfter"/> told.</param>
    public string? SetAside(string workKey, int stuck) =>
        stuck >= MostStuck ? $"The process ended {stuck} times in a row with volume {VolumeId} in work and nothing more of it done, the last time alone: it is set aside. When the cause is found and mended, put it back by tonno requeue."
        : State == VolumeState.Quarantined && ReasonCode == VolumeDeaths.Code && WorkKey == workKey ? Detail
        : null;

    /// <summary>True where a run took the volume to its end.</summary>
    public bool IsEndOf(RunId run) =>
        RunId == run && State is VolumeState.Completed or VolumeState.Warning or VolumeState.Failed or VolumeState.Quarantined or VolumeState.Canceled;
}

/// <summary>The state of every volume of a store.</summary>
/// <param name="epoch">The coordinator's.</param>
internal sealed class Ledger(IBlobStore store, TimeProvider time, long epoch)
{
    public const string Folder = ".tonno/ledger/";

    private const string Extension = ".json";

    /// <summary>Documents read at a time.</summary>
    public const int Readers = 32;

    /// <summary>Replaces a volume's entry by what <paramref name="change"/> makes of it; repeated where another writer came between.</summary>
    /// <exception cref="BlobStoreException">The store failed.</exception>
    /// <exception cref="SupersededException">A later coordinator has written it.</exception>
    public Task<LedgerEntry> RecordAsync(VolumeId volume, Func<LedgerEntry?, LedgerEntry> change, CancellationToken cancel) => store.ChangeDocumentAsync<LedgerEntry>(
        PathOf(volume),
        entry =>
        {
            SupersededException.ThrowIfOlder(epoch, entry?.Epoch ?? 0);
            return change(entry) with { Epoch = epoch, UpdatedAt = time.GetUtcNow() };
        },
        cancel);

    /// <summary>The entries of volumes, in their order; null where there is none.</summary>
    /// <exception cref="BlobStoreException">The store failed.</exception>
    public async Task<IReadOnlyList<LedgerEntry?>> FindAsync(IReadOnlyList<VolumeId> volumes, CancellationToken cancel)
    {
        var entries = new LedgerEntry?[volumes.Count];
        await Parallel.ForAsync(0, volumes.Count, new ParallelOptions { MaxDegreeOfParallelism = Readers, CancellationToken = cancel }, async (at, token) =>
            entries[at] = await ReadAsync(store, volumes[at], token).ConfigureAwait(false)).ConfigureAwait(false);
        return entries;
    }

    internal static string PathOf(VolumeId volume) => $"{Folder}{volume}{Extension}";

    /// <summary>Whose entry lies at a path; null where the path is none of an entry.</summary>
    public static VolumeId? VolumeAt(string path) =>
        path.StartsWith(Folder, StringComparison.Ordinal) && path.EndsWith(Extension, StringComparison.Ordinal) && path.Length > Folder.Length + Extension.Length
            ? new VolumeId(path[Folder.Length..^Extension.Length])
            : null;

    /// <summary>The volumes that have an entry, in order.</summary>
    /// <exception cref="BlobStoreException">The store failed.</exception>
    public static IAsyncEnumerable<VolumeId> VolumesAsync(IBlobStore store, CancellationToken cancel) =>
        store.ListAsync(Folder, cancel).Select(VolumeAt).Where(volume => volume is not null).Select(volume => volume!.Value);

    /// <summary>A volume's entry; null where there is none, or none that can be read.</summary>
    /// <exception cref="BlobStoreException">The store failed.</exception>
    public static Task<LedgerEntry?> ReadAsync(IBlobStore store, VolumeId volume, CancellationToken cancel) => store.FindDocumentAsync<LedgerEntry>(PathOf(volume), cancel);
}
