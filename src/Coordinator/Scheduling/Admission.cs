using ToNNO.Contracts;

namespace ToNNO.Coordinator.Scheduling;

/// <summary>How many volumes may be in work at once, by the memory that they are predicted to take. Pure.</summary>
internal sealed class Admission(long budgetBytes, int maximumVolumes)
{
    private readonly Dictionary<VolumeId, long> _admitted = [];
    private readonly List<(VolumeId Volume, long SizeBytes, bool Alone)> _waiting = [];
    private long _admittedBytes;
    private VolumeId? _alone;

    /// <summary>True where a volume of this size could never be admitted.</summary>
    public bool Exceeds(long sizeBytes) => sizeBytes > budgetBytes;

    /// <param name="alone">No other volume is to be in work with it.</param>
    public void Request(VolumeId volume, long sizeBytes, bool alone = false) => _waiting.Add((volume, sizeBytes, alone));

    /// <summary>A volume is in work no longer, or does not want to be.</summary>
    public void Release(VolumeId volume)
    {
        _waiting.RemoveAll(waiting => waiting.Volume == volume);
        _admittedBytes -= _admitted.Remove(volume, out var sizeBytes) ? sizeBytes : 0;
        _alone = _alone == volume ? null : _alone;
    }

    /// <summary>The volumes that may start now, in order of arrival.</summary>
    public IReadOnlyList<VolumeId> Admit()
    {
        var started = new List<VolumeId>();
        while (_waiting is [var next, ..]
            && _alone is null
            && (!next.Alone || _admitted.Count == 0)
            && _admitted.Count < maximumVolumes
            && (_admitted.Count == 0 || _admittedBytes + next.SizeBytes <= budgetBytes))
        {
            _waiting.RemoveAt(0);
            _admitted.Add(next.Volume, next.SizeBytes);
            _admittedBytes += next.SizeBytes;
            _alone = next.Alone ? next.Volume : null;
            started.Add(next.Volume);
        }

        return started;
    }
}
