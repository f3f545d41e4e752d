using Akka.Actor;
using ToNNO.Contracts;
using ToNNO.Coordinator.Scheduling;
using ToNNO.Storage;
using ToNNO.Tomography.Anytime;
using static ToNNO.Coordinator.Volumes.VolumeProtocol;

namespace ToNNO.Coordinator.Volumes;

/// <summary>Takes a volume's directions through encoding, pass by pass, and settles of how many the heatmap is made.</summary>
/// <remarks>Without a rule there is one pass and it is settled at once, so that slabs are fed while encoding goes on.</remarks>
internal sealed class PassesActor : ReceiveActor
{
    private readonly Inspection _inspection;
    private readonly IBlobStore _store;
    private readonly IActorRef _encoding;
    private readonly IActorRef _storeWork;
    private readonly IReadOnlyList<DirectionRange> _passes;
    private readonly PassPlanner? _planner;
    private readonly Dictionary<DirectionRange, RowsBlob> _rows = [];
    private readonly CancellationTokenSource _stopping = new();
    private readonly List<double> _changes = [];
    private int _pass;

    /// <param name="deaths">Of encoders, as the ledger has them.</param>
    public PassesActor(Inspection inspection, VolumeServices services, VolumeDeaths deaths)
    {
        (_inspection, _store) = (inspection, services.Store);
        var (task, options) = (inspection.Task, services.Options);
        _passes = [.. task.Passes()];
        if (task.Settings.Passes is { } rule)
        {
            _planner = new PassPlanner(task.Geometry, task.Plan(), task.Settings.Alpha, task.Settings.Threshold, rule, task.Settings.Classes.Count);
        }

        _storeWork = Context.ActorOf(Props.Create(() => new StoreWorkActor(options, "passes", task.TraceParent)), "store");
        _encoding = Context.ActorOf(Props.Create(() => new EncodingActor(WorkId.Of(task), services.LeaseDesk, options, deaths)), "encoding");

        Receive<RowsStored>(Take);
        Receive<StageFailed>(Context.Parent.Tell);
        Receive<DeathsNoted>(Context.Parent.Forward); // the answer goes to encoding
        Receive<RowsRead>(read => Gather(read.Rows));
        Receive<PassJudged>(judged => GoOn(judged.Outcome, judged.BlankLogits));
        Receive<GuideStored>(stored => Open(task with { Guide = stored.Guide }));
        Receive<Failed>(failed => Fail(failed.Error));
        Receive<StoreWorkActor.Failed>(failed => Fail(failed.Error));
    }

    // Encoding that fails has lost its state: the volume fails with it.
    protected override SupervisorStrategy SupervisorStrategy() => new OneForOneStrategy(_ => Directive.Escalate);

    protected override void PreStart()
    {
        if (_planner is null)
        {
            Context.Parent.Tell(new DirectionsSettled(_inspection.DirectionCount, []));
        }

        Open(_inspection.Task);
    }

    protected override void PostStop()
    {
        _stopping.Cancel();
        _stopping.Dispose();
    }

    /// <summary>Opens a pass: what an earlier run left of it counts, the rest is encoded.</summary>
    private void Open(VolumeTask task)
    {
        var leases = task.Leases(_passes[_pass]).ToHashSet();
        foreach (var stored in _inspection.Stored.Where(stored => leases.Remove(stored.Directions)))
        {
            Self.Tell(stored);
        }

        _encoding.Tell(new LeasesOpened(task, [.. leases]));
    }

    private void Take(RowsStored stored)
    {
        Context.Parent.Tell(stored);
        if (_planner is null)
        {
            return;
        }

        var (lease, offsets) = (stored.Directions, _inspection.Task.Plan().OffsetCount);
        _storeWork.Tell(new StoreWorkActor.Work(async cancel =>
        {
            var blob = await _store.ReadAsync(stored.Rows.Path, cancel).ConfigureAwait(false);
            return RowsBlob.TryParse(blob.Bytes.Span, lease, offsets, _inspection.Task.Settings.Classes.Count) is { } rows
                ? new RowsRead(rows)
                : new Failed(new BlobStoreException(BlobStoreError.Unavailable, $"The rows at {stored.Rows.Path} are damaged; delete them and run again."));
        }));
    }

    private void Fail(Exception error) => Context.Parent.Tell(error is BlobStoreException store
        ? new StageFailed(store.Code, store.Message, VolumeState.Failed)
        : throw new InvalidOperationException($"Judging a pass of volume {_inspection.Task.VolumeId} failed; trace {Spans.TraceIdOf(_inspection.Task.TraceParent)}", error));

    private void Gather(RowsBlob rows)
    {
        _rows[rows.Directions] = rows;
        var end = _passes[_pass].End;
        if (_rows.Keys.Sum(range => range.Count) < end)
        {
            return;
        }

        var known = _rows.Values.OrderBy(part => part.Directions.First).ToList();
        var logits = Enumerable.Range(0, rows.BlankLogits.Length).SelectMany(classAt => known.SelectMany(part => part.Of(classAt).ToArray())).ToArray();
        Task.Run(() => _planner!.Conclude(logits, rows.BlankLogits), _stopping.Token).PipeTo(
            Self, success: outcome => new PassJudged(outcome, rows.BlankLogits), failure: error => new Failed(error));
    }

    private void GoOn(PassOutcome outcome, float[] blankLogits)
    {
        var task = _inspection.Task;
        _changes.Add(outcome.Change);
        if (outcome.Stop)
        {
            Context.Parent.Tell(new DirectionsSettled(_passes[_pass].End, _changes));
            return;
        }

        _pass++;
        if (outcome.Guide is not { } guide)
        {
            Open(task);
            return;
        }

        var pass = _passes[_pass];
        var rows = new RowsBlob(pass, guide.Length / blankLogits.Length / pass.Count, blankLogits, default, guide);
        _storeWork.Tell(new StoreWorkActor.Work(async cancel => new GuideStored(await StoreGuideAsync(task.GuidePath(pass), rows, cancel).ConfigureAwait(false))));
    }

    /// <summary>Writes a guide; one that an earlier run left whole stands, for rows of the pass may have been made by it.</summary>
    private async Task<BlobRef> StoreGuideAsync(string path, RowsBlob guide, CancellationToken cancel)
    {
        try
        {
            var blob = await _store.ReadAsync(path, cancel).ConfigureAwait(false);
            if (RowsBlob.TryParse(blob.Bytes.Span, guide.Directions, guide.OffsetCount, guide.BlankLogits.Length) is not null)
            {
                return new BlobRef(path, blob.ETag.Value);
            }
        }
        catch (BlobStoreException absent) when (absent.Error == BlobStoreError.NotFound)
        {
            // The first to come here writes it.
        }

        var etag = await _store.WriteAsync(path, guide.ToBytes(), WriteCondition.Always, cancel).ConfigureAwait(false);
        return new BlobRef(path, etag.Value);
    }

    private sealed record RowsRead(RowsBlob Rows) : ILocalMessage;

    private sealed record PassJudged(PassOutcome Outcome, float[] BlankLogits) : ILocalMessage;

    private sealed record GuideStored(BlobRef Guide) : ILocalMessage;

    private sealed record Failed(Exception Error) : ILocalMessage;
}
