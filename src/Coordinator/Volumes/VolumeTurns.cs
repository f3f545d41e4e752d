using Akka.Actor;
using ToNNO.Contracts;

namespace ToNNO.Coordinator.Volumes;

/// <summary>Who is at a volume, and who waits for it, in the order in which they came. Pure.</summary>
internal sealed class VolumeTurns
{
    private readonly List<(IActorRef Actor, RunId Run)> _waiting = [];
    private (IActorRef Actor, RunId Run)? _holder;

    public bool NobodyCame => _holder is null;

    /// <returns>True where nobody else is at the volume: it is the comer's turn.</returns>
    public bool Come(IActorRef actor, RunId run)
    {
        if (_holder is null)
        {
            _holder = (actor, run);
            return true;
        }

        _waiting.Add((actor, run));
        return false;
    }

    /// <summary>One has ended, or will not come any more.</summary>
    /// <param name="rank">Of a run; the highest is next, and the first of those.</param>
    /// <returns>Whose turn it is now, or null where nothing has changed or nobody waits.</returns>
    public IActorRef? Leave<TRank>(IActorRef actor, Func<RunId, TRank> rank)
    {
        if (_holder?.Actor.Equals(actor) != true)
        {
            _waiting.RemoveAll(waiting => waiting.Actor.Equals(actor));
            return null;
        }

        _holder = null;
        if (_waiting.Count == 0)
        {
            return null;
        }

        var next = _waiting.MaxBy(waiting => rank(waiting.Run));
        _waiting.Remove(next);
        _holder = next;
        return next.Actor;
    }

    /// <summary>Who is at the volume while a run of a higher rank waits for it; else null.</summary>
    public IActorRef? MustGiveWay<TRank>(Func<RunId, TRank> rank) => _holder is { } holder
        && _waiting.Any(waiting => Comparer<TRank>.Default.Compare(rank(waiting.Run), rank(holder.Run)) > 0) ? holder.Actor : null;
}
