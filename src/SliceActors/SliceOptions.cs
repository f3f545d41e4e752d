using System.ComponentModel.DataAnnotations;

namespace ToNNO.SliceActors;

public sealed class SliceOptions
{
    public const string Section = "Slice";

    /// <summary><c>auto</c>, <c>cpu</c> or <c>cuda:N</c>.</summary>
    [Required]
    public string Device { get; init; } = "auto";

    /// <summary>Encoder actors on this node: one per GPU, or per share of a CPU.</summary>
    [Range(1, 1024)]
    public int Encoders { get; init; } = 1;

    /// <summary>Memory for volumes that this node holds, bytes.</summary>
    [Range(1 << 20, long.MaxValue)]
    public long CacheBytes { get; init; } = 2L << 30;

    /// <summary>How often an encoder without work asks again; it covers a coordinator that moved.</summary>
    [Range(typeof(TimeSpan), "00:00:00.001", "10.00:00:00")]
    public TimeSpan AskAgainAfter { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>How long a node that is told to stop goes on with what it has begun to encode; what is not stored by then goes to others.</summary>
    [Range(typeof(TimeSpan), "00:00:00", "10.00:00:00")]
    public TimeSpan DrainDeadline { get; init; } = TimeSpan.FromSeconds(18);

    /// <summary>How long it waits for the coordinator to know: with the deadline above 20 s at most, of the 30 that a container is given.</summary>
    [Range(typeof(TimeSpan), "00:00:00.001", "10.00:00:00")]
    public TimeSpan FarewellDeadline { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>Pixels in one batch: a batch holds as many slices as fit, 1 to 64, in whole batches of the encoder's. Part of what fixes
    /// a heatmap's bytes.</summary>
    [Range(1, int.MaxValue)]
    public int BatchPixels { get; init; } = 1 << 20;
}
