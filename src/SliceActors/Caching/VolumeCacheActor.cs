using System.Diagnostics;
using Akka.Actor;
using ToNNO.Contracts;
using ToNNO.Imaging;
using ToNNO.SliceActors.Encoding;
using ToNNO.Storage;
using ToNNO.Tomography.Geometry;

namespace ToNNO.SliceActors.Caching;

/// <summary>Reads volumes for the encoders of this node, each once.</summary>
internal sealed class VolumeCacheActor : ReceiveActor
{
    private readonly VolumeCache _cache;
    private readonly Dictionary<(VolumeId Volume, string Sha256), (VolumeTask Task, List<IActorRef> Waiters)> _waiting = [];
    private readonly CancellationTokenSource _stopping = new();

    /// <param name="load">Reads the channels of a task's volume; throws <see cref="ImagingException"/> where it is refused,
    /// <see cref="BlobStoreException"/> where the store that it lies in fails, or the node's own is another than the task's.</param>
    public VolumeCacheActor(long capacityBytes, Func<VolumeTask, CancellationToken, Task<IReadOnlyList<Volume>>> load)
    {
        _cache = new VolumeCache(capacityBytes);
        Receive<LoadVolume>(request =>
        {
            var (task, channels) = (request.Task, _cache.Find(request.Task));
            SliceTelemetry.LookedUp(held: channels is not null);
            if (channels is not null)
            {
                Sender.Tell(new VolumeLoaded(task, channels, TimeSpan.Zero, _cache.Held));
                return;
            }

            if (_waiting.TryGetValue((task.VolumeId, task.SourceSha256), out var waiting))
            {
                waiting.Waiters.Add(Sender);
                return;
            }

            _waiting[(task.VolumeId, task.SourceSha256)] = (task, [Sender]);
            Task.Run(async () =>
            {
                var begun = Stopwatch.GetTimestamp();
                return new Read(task, await load(task, _stopping.Token).ConfigureAwait(false), Stopwatch.GetElapsedTime(begun));
            }, _stopping.Token).PipeTo(Self, success: read => read, failure: error => new Unreadable(task, error));
        });
        Receive<Read>(read =>
        {
            _cache.Add(read.Task, read.Channels);
            var elapsed = read.Elapsed;
            foreach (var waiter in Answer(read.Task))
            {
                waiter.Tell(new VolumeLoaded(read.Task, read.Channels, elapsed, _cache.Held));
                elapsed = TimeSpan.Zero; // the reading is counted once
            }
        });
        Receive<SliceProtocol.ReleaseVolume>(released => _cache.Remove(released.VolumeId));
        Receive<Unreadable>(unreadable =>
        {
            if (unreadable.Error is not (ImagingException or BlobStoreException or OperationCanceledException))
            {
                throw new InvalidOperationException($"Reading volume {unreadable.Task.VolumeId} failed; trace {Spans.TraceIdOf(unreadable.Task.TraceParent)}", unreadable.Error);
            }

            var (code, blame) = unreadable.Error switch
            {
                ImagingException refused => (refused.Code, Blames.Of(refused)),
                BlobStoreException store => (store.Code, Blame.Passing),
                _ => ("node.stopping", Blame.Passing),
            };
            foreach (var waiter in Answer(unreadable.Task))
            {
                waiter.Tell(new VolumeUnavailable(unreadable.Task, code, unreadable.Error.Message, blame));
            }
        });
    }

    protected override void PostStop()
    {
        // Also before a restart. An encoder that waits for a volume waits for nothing else.
        foreach (var (task, waiter) in _waiting.Values.SelectMany(waiting => waiting.Waiters.Select(waiter => (waiting.Task, waiter))))
        {
            waiter.Tell(new VolumeUnavailable(task, "internal.failure", "Reading a volume failed unexpectedly; the log says where. Please report it.", Blame.Passing));
        }

        _stopping.Cancel();
        _stopping.Dispose();
    }

    private List<IActorRef> Answer(VolumeTask task) => _waiting.Remove((task.VolumeId, task.SourceSha256), out var waiting) ? waiting.Waiters : [];

    public sealed record LoadVolume(VolumeTask Task) : ILocalMessage;

    /// <param name="Held">All volumes that this node holds now.</param>
    public sealed record VolumeLoaded(VolumeTask Task, IReadOnlyList<Volume> Channels, TimeSpan ReadTime, IReadOnlyList<VolumeId> Held) : ILocalMessage;

    public sealed record VolumeUnavailable(VolumeTask Task, string ReasonCode, string Detail, Blame Blame) : ILocalMessage;

    private sealed record Read(VolumeTask Task, IReadOnlyList<Volume> Channels, TimeSpan Elapsed) : ILocalMessage;

    private sealed record Unreadable(VolumeTask Task, Exception Error) : ILocalMessage;
}
