namespace ToNNO.Tomography.Geometry;

/// <summary>What the edges of an intensity window count.</summary>
public enum WindowUnit
{
    Unspecified = 0,

    /// <summary>Per cent of the volume's voxels that are below.</summary>
    Percentile = 1,

    /// <summary>Standard deviations above the mean of the volume's voxels.</summary>
    Deviation = 2,
}

/// <summary>Says that an intensity window is each volume's own, as MR without a unit needs it.</summary>
/// <param name="BesidesFill">Voxels of the fill value, such as the air around a cut-out brain, are not counted.</param>
public sealed record WindowRule(WindowUnit Unit, bool BesidesFill);
