namespace ToNNO.ReconActors;

public sealed class ReconOptions
{
    public const string Section = "Recon";

    /// <summary>A slab that hears nothing for so long is given up; its volume's actor brings it back if need be.</summary>
    public TimeSpan PassivateAfter { get; init; } = TimeSpan.FromMinutes(5);
}
