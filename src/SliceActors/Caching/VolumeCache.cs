using ToNNO.Contracts;
using ToNNO.Tomography.Geometry;

namespace ToNNO.SliceActors.Caching;

/// <summary>Volumes in memory with all their channels, the least recently used given up first. Pure bookkeeping.</summary>
internal sealed class VolumeCache(long capacityBytes)
{
    private readonly LinkedList<(VolumeTask Task, IReadOnlyList<Volume> Channels)> _recent = new();

    /// <summary>Volumes held, the most recent first.</summary>
    public IReadOnlyList<VolumeId> Held => [.. _recent.Select(entry => entry.Task.VolumeId)];

    public IReadOnlyList<Volume>? Find(VolumeTask task)
    {
        for (var node = _recent.First; node is not null; node = node.Next)
        {
            if (node.Value.Task.SourceSha256 == task.SourceSha256 && node.Value.Task.VolumeId == task.VolumeId)
            {
                _recent.Remove(node);
                _recent.AddFirst(node);
                return node.Value.Channels;
            }
        }

        return null;
    }

    /// <summary>Gives up a volume, whatever its source.</summary>
    public void Remove(VolumeId volume)
    {
        for (var node = _recent.First; node is not null;)
        {
            var (next, entry) = (node.Next, node);
            if (entry.Value.Task.VolumeId == volume)
            {
                _recent.Remove(entry);
            }

            node = next;
        }
    }

    /// <summary>Adds a volume; the newest is held even where it alone is larger than the capacity.</summary>
    public void Add(VolumeTask task, IReadOnlyList<Volume> channels)
    {
        _recent.AddFirst((task, channels));
        while (_recent.Count > 1 && _recent.Sum(entry => entry.Channels.Distinct().Sum(volume => volume.Samples.SizeBytes)) > capacityBytes)
        {
            _recent.RemoveLast();
        }
    }
}
