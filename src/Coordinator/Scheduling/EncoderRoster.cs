using System.Diagnostics.CodeAnalysis;
using ToNNO.Contracts;

namespace ToNNO.Coordinator.Scheduling;

/// <summary>The encoders that are known, by node, and those that wait for work, in the order in which they asked. Pure.</summary>
internal sealed class EncoderRoster
{
    private readonly Dictionary<string, EncoderSeat> _seats = new(StringComparer.Ordinal);
    private readonly Dictionary<string, EncoderNode> _nodes = new(StringComparer.Ordinal);
    private readonly LinkedList<EncoderSeat> _free = [];

    public int Count => _seats.Count;

    public int FreeCount => _free.Count;

    /// <summary>Those that wait, the longest first. One may be taken from the list while it is gone through.</summary>
    public IEnumerable<EncoderSeat> Free
    {
        get
        {
            for (var at = _free.First; at is not null;)
            {
                var (seat, next) = (at.Value, at.Next);
                at = next;
                yield return seat;
            }
        }
    }

    public IReadOnlyCollection<EncoderNode> Nodes => _nodes.Values;

    public bool TryFind(string encoderId, [NotNullWhen(true)] out EncoderSeat? seat) => _seats.TryGetValue(encoderId, out seat);

    /// <summary>Notes that an encoder waits, unless it is leaving, and what its node holds.</summary>
    public void Wait(string encoderId, IReadOnlyList<VolumeId> cachedVolumes)
    {
        if (!_seats.TryGetValue(encoderId, out var seat))
        {
            var nodeId = EncoderNode.IdOf(encoderId);
            if (!_nodes.TryGetValue(nodeId, out var node))
            {
                _nodes[nodeId] = node = new EncoderNode(nodeId);
            }

            _seats[encoderId] = seat = new EncoderSeat(encoderId, node);
            node.Seats.Add(seat);
        }

        seat.Cached = cachedVolumes;
        if (!seat.Leaving)
        {
            seat.Waiting ??= _free.AddLast(seat);
        }
    }

    /// <summary>An encoder waits no longer.</summary>
    public void Busy(EncoderSeat seat)
    {
        if (seat.Waiting is { } place)
        {
            _free.Remove(place);
            seat.Waiting = null;
        }
    }

    /// <summary>Forgets an encoder, and its node with the last of them.</summary>
    public void Remove(EncoderSeat seat)
    {
        Busy(seat);
        _seats.Remove(seat.Id);
        seat.Node.Seats.Remove(seat);
        if (seat.Node.Seats.Count == 0)
        {
            _nodes.Remove(seat.Node.Id);
        }
    }
}
