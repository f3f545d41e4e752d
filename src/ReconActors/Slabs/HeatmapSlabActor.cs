using System.Diagnostics;
using System.Runtime.InteropServices;
using Akka.Actor;
using Akka.Cluster.Sharding;
using Akka.Event;
using ToNNO.Contracts;
using ToNNO.Storage;

namespace ToNNO.ReconActors.Slabs;

/// <summary>Accumulates one slab of one heatmap. Nothing of it is kept but the finished voxels: a slab that is lost starts again
/// at direction 0, says so, and is fed anew.</summary>
internal sealed class HeatmapSlabActor : ReceiveActor
{
    private readonly IBlobStore _store;
    private readonly CancellationTokenSource _stopping = new();
    private SlabAccumulator? _slab;
    private (string WorkKey, int? StoppedAfter) _work;
    private readonly SlabStages _stages = new();
    private Activity? _span;
    private DateTimeOffset _asked; // what the store has been asked for
    private TimeSpan _elapsed;
    private bool _busy;

    public HeatmapSlabActor(IBlobStore store, ReconOptions options)
    {
        _store = store;
        Context.SetReceiveTimeout(options.PassivateAfter);

        Receive<ReconProtocol.ApplyRows>(Fetch);
        Receive<Fetched>(fetched =>
        {
            _stages.Ended(SlabStages.Read, _asked);
            Apply(fetched.Request, fetched.Lease, fetched.ReplyTo);
        });
        Receive<Written>(written =>
        {
            var request = written.Request;
            ReconTelemetry.SlabDone(_elapsed);
            _stages.Ended(SlabStages.Write, _asked);
            _stages.Tell(_span?.Id ?? request.TraceParent);
            written.ReplyTo.Tell(new ReconProtocol.SlabCompleted(
                request.Task.VolumeId, request.Slab, new BlobRef(request.Task.SlabPath(request.Slab), written.ETag.Value), _elapsed)
            { TraceParent = request.TraceParent });
            Passivate();
        });
        Receive<Failed>(failed =>
        {
            if (failed.Error is not BlobStoreException store)
            {
                throw new InvalidOperationException($"Slab {failed.Request.EntityId} failed; trace {Spans.TraceIdOf(failed.Request.TraceParent)}", failed.Error);
            }

            Fail(failed.Request, failed.ReplyTo, store.Code, store.Message);
        });
        Receive<ReceiveTimeout>(_ => Passivate());
    }

    protected override void PreRestart(Exception reason, object message)
    {
        _span.Fail("internal.failure");
        if (message is Answer answer)
        {
            Context.GetLogger().Error("Slab {Slab} of volume {VolumeId} failed unexpectedly; trace {TraceId}", answer.Request.Slab, answer.Request.Task.VolumeId, Spans.TraceIdOf(answer.Request.TraceParent));
            answer.ReplyTo.Tell(new ReconProtocol.SlabFailed(
                answer.Request.Task.VolumeId,
                answer.Request.Slab,
                "internal.failure",
                "Backprojecting failed unexpectedly; the log says where. Please report it.",
                Transient: true)
            { TraceParent = answer.Request.TraceParent });
        }

        base.PreRestart(reason, message);
    }

    protected override void PostStop()
    {
        Drop();
        _stopping.Cancel();
        _stopping.Dispose();
        _span?.Dispose();
    }

    private void Fetch(ReconProtocol.ApplyRows request)
    {
        if (_busy)
        {
            return; // asked again while at it
        }

        var work = (request.Task.WorkKey, request.Task.StoppedAfter);
        if (_work != work)
        {
            Drop(); // of the same volume, but of other bytes, or of fewer directions
            (_work, _elapsed) = (work, TimeSpan.Zero);
        }

        var next = _slab?.NextDirection ?? 0;
        if (request.Directions.First != next)
        {
            Sender.Tell(new ReconProtocol.RowsApplied(request.Task.VolumeId, request.Slab, next) { TraceParent = request.TraceParent });
            return;
        }

        _busy = true;
        _span ??= ReconTelemetry.Source.Begin("slab", request.TraceParent, ActivityKind.Consumer)
            ?.SetTag("tonno.run.id", request.Task.RunId.Value).SetTag("tonno.volume.id", request.Task.VolumeId.Value).SetTag("tonno.slab", request.Slab);
        var replyTo = Sender;
        _asked = SlabStages.Now();
        Task.Run(() => LeaseContent.ReadAsync(_store, request, _stopping.Token), _stopping.Token).PipeTo(
            Self, success: lease => new Fetched(request, lease, replyTo), failure: error => new Failed(request, error, replyTo));
    }

    private void Apply(ReconProtocol.ApplyRows request, LeaseContent? lease, IActorRef replyTo)
    {
        if (lease is null)
        {
            Fail(request, replyTo, "rows.corrupt", $"The rows at {request.Rows.Path}, or the maps that go with them, are damaged; run again.");
            return;
        }

        var begun = Stopwatch.GetTimestamp();
        if (_slab is null)
        {
            _slab = new SlabAccumulator(request.Task, request.Slab, _stages);
            ReconTelemetry.Open(1);
        }

        _slab.Apply(lease);
        _elapsed += Stopwatch.GetElapsedTime(begun);
        if (!_slab.Complete)
        {
            _busy = false;
            replyTo.Tell(new ReconProtocol.RowsApplied(request.Task.VolumeId, request.Slab, _slab.NextDirection) { TraceParent = request.TraceParent });
            return;
        }

        var voxels = _slab.Voxels;
        _asked = SlabStages.Now();
        _store.WriteAsync(request.Task.SlabPath(request.Slab), (stream, _) => WriteVoxels(stream, voxels), _stopping.Token).PipeTo(
            Self, success: etag => new Written(request, etag, replyTo), failure: error => new Failed(request, error, replyTo));
    }

    private static Task WriteVoxels(Stream stream, float[] voxels)
    {
        const int Chunk = 1 << 20; // a span of bytes ends at 2 GiB
        for (var at = 0; at < voxels.Length; at += Chunk)
        {
            stream.Write(MemoryMarshal.AsBytes(voxels.AsSpan(at, Math.Min(Chunk, voxels.Length - at))));
        }

        return Task.CompletedTask;
    }

    private void Fail(ReconProtocol.ApplyRows request, IActorRef replyTo, string code, string detail)
    {
        replyTo.Tell(new ReconProtocol.SlabFailed(request.Task.VolumeId, request.Slab, code, detail, Transient: true) { TraceParent = request.TraceParent });
        _stages.Tell(_span?.Id ?? request.TraceParent);
        _span.Fail(code);
        _span = null;
        Drop(); // fed anew from direction 0
        _elapsed = TimeSpan.Zero;
        _busy = false;
    }

    private void Drop()
    {
        if (_slab is not null)
        {
            _slab = null;
            ReconTelemetry.Open(-1);
        }
    }

    private static void Passivate() => Context.Parent.Tell(new Passivate(PoisonPill.Instance));

    /// <summary>What the store said to something that was asked for.</summary>
    private abstract record Answer(ReconProtocol.ApplyRows Request, IActorRef ReplyTo) : ILocalMessage;

    private sealed record Fetched(ReconProtocol.ApplyRows Request, LeaseContent? Lease, IActorRef ReplyTo) : Answer(Request, ReplyTo);

    private sealed record Written(ReconProtocol.ApplyRows Request, ETag ETag, IActorRef ReplyTo) : Answer(Request, ReplyTo);

    private sealed record Failed(ReconProtocol.ApplyRows Request, Exception Error, IActorRef ReplyTo) : Answer(Request, ReplyTo);
}
