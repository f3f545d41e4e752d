namespace ToNNO.Imaging.Nifti;

/// <summary>Stored value to intensity: <c>Slope · stored + Inter</c>.</summary>
internal readonly record struct NiftiScaling(double Slope, double Inter)
{
    public bool IsIdentity => Slope == 1 && Inter == 0;

    /// <summary>A slope of 0 means "no scaling" by the standard; ITK and nibabel write NaN for the same.</summary>
    public static NiftiScaling Of(NiftiFields fields) =>
        fields.SclSlope == 0 || !double.IsFinite(fields.SclSlope) ? new(1, 0) : new(fields.SclSlope, fields.SclInter);
}
