namespace ToNNO.Coordinator.Volumes;

/// <summary>Where encoders died that had a volume in their hands. Pure; kept in the ledger.</summary>
/// <param name="Places">The blocks in question, until they are encoded.</param>
/// <param name="SinceProgress">Deaths since a block was last stored.</param>
/// <param name="Node">The node that died last.</param>
internal sealed record VolumeDeaths(IReadOnlyList<VolumeDeaths.Place> Places, int SinceProgress, string Node)
{
    /// <summary>Reason code of a volume that is set aside for them.</summary>
    public const string Code = "volume.kills_process";

    /// <summary>Deaths at one place that convict: other reasons do not strike twice.</summary>
    private const int Convicting = 2;

    public static VolumeDeaths None { get; } = new([], 0, "");

    /// <summary>The place that killed twice, or null.</summary>
    public Place? Culprit => Places.FirstOrDefault(place => place.Times >= Convicting);

    /// <summary>An encoder died.</summary>
    /// <param name="suspects">First directions of the blocks that it may have died of.</param>
    public VolumeDeaths Died(IReadOnlyList<int> suspects, string node) => new(
        [
            .. Places.Select(place => suspects.Contains(place.Direction) ? place with { Times = place.Times + 1 } : place),
            .. suspects.Where(first => Places.All(place => place.Direction != first)).Select(first => new Place(first, 1)),
        ],
        SinceProgress + 1,
        node);

    /// <summary>A block is encoded: it is no place of death.</summary>
    /// <returns>The same where that changes nothing.</returns>
    public VolumeDeaths Stored(int first) => SinceProgress == 0 && Places.All(place => place.Direction != first)
        ? this
        : this with { Places = [.. Places.Where(place => place.Direction != first)], SinceProgress = 0 };

    /// <summary>A block that may have killed.</summary>
    /// <param name="Direction">Its first direction.</param>
    internal sealed record Place(int Direction, int Times);
}
