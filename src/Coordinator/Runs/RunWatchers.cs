using Akka.Actor;

namespace ToNNO.Coordinator.Runs;

/// <summary>Who hears how a run goes; for the run's actor, which is told when one of them is gone.</summary>
internal sealed class RunWatchers(IActorContext context)
{
    private readonly HashSet<IActorRef> _watchers = [];

    public void Add(IActorRef watcher)
    {
        _watchers.Add(watcher);
        context.Watch(watcher);
    }

    public void Remove(IActorRef watcher) => _watchers.Remove(watcher);

    public void Tell(object message)
    {
        foreach (var watcher in _watchers)
        {
            watcher.Tell(message);
        }
    }
}
