using ToNNO.Tomography.Geometry;

namespace ToNNO.Imaging.Nifti;

/// <summary>Stored value to intensity: <c>Slope · stored + Inter</c>.</summary>
internal readonly record struct NiftiScaling(double Slope, double Inter)
{
    public bool IsIdentity => Slope == 1 && Inter == 0;

    /// <summary>A slope of 0 means "no scaling" by the standard; ITK and nibabel write NaN for the same.</summary>
    public static NiftiScaling Of(NiftiFields fields) =>
        fields.SclSlope == 0 || !double.IsFinite(fields.SclSlope) ? new(1, 0) : new(fields.SclSlope, fields.SclInter);

    /// <summary>The intensity of a stored value, in double and then rounded to float32.</summary>
    public float Intensity(double stored) => IsIdentity ? (float)stored : (float)((Slope * stored) + Inter);

    /// <summary>True where scaling int16 in float32, rounded once, gives every value the same finite intensity.</summary>
    /// <remarks>Only a slope or intercept that is no float32, as NIfTI-2 may have, or one beyond all reason fails.</remarks>
    public bool HoldsForInt16()
    {
        var (slope, inter) = ((float)Slope, (float)Inter);
        for (int stored = short.MinValue; stored <= short.MaxValue; stored++)
        {
            var intensity = VolumeSamples.Intensity((short)stored, slope, inter);
            if (!float.IsFinite(intensity) || intensity != Intensity(stored))
            {
                return false;
            }
        }

        return true;
    }
}
