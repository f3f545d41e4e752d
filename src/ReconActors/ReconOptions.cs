using System.ComponentModel.DataAnnotations;

namespace ToNNO.ReconActors;

public sealed class ReconOptions
{
    public const string Section = "Recon";

    /// <summary>A slab that hears nothing for so long is given up; its volume's actor brings it back if need be.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "10.00:00:00")]
    public TimeSpan PassivateAfter { get; init; } = TimeSpan.FromMinutes(5);
}
