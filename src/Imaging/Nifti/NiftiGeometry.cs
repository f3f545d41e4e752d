using System.Collections.Immutable;
using ToNNO.Tomography.Geometry;

namespace ToNNO.Imaging.Nifti;

/// <summary>Header fields to the affine, and back (nifti1.h, "3D image (volume) orientation and location in space").</summary>
internal static class NiftiGeometry
{
    /// <summary>The standard's rules: the sform if its code is above 0, else the qform, else the voxel sizes alone (method 1).</summary>
    /// <exception cref="ImagingException">The form in use is not finite or spans no space, or the unit is undefined.</exception>
    public static VolumeGeometry Of(NiftiFields fields, string name)
    {
        if (MmPerUnit(fields.XyztUnits) is not { } unit)
        {
            throw new ImagingException(
                RejectReason.NiftiHeaderInvalid,
                $"{name} gives lengths in the undefined unit {fields.XyztUnits & 7}: set xyzt_units to millimetres (2) or what it is.");
        }

        var form = fields switch
        {
            { SForm.Code: > 0 } => SFormAffine(fields.SForm),
            { QForm.Code: > 0 } => QFormAffine(fields),
            _ => Method1Affine(fields),
        };
        try
        {
            return new(fields.Shape, new(unit * form.I, unit * form.J, unit * form.K, unit * form.Origin));
        }
        catch (ArgumentOutOfRangeException error)
        {
            var used = fields.SForm.Code > 0 ? "sform" : fields.QForm.Code > 0 ? "qform" : "pixdim";
            throw new ImagingException(
                RejectReason.VolumeGeometryInvalid,
                $"{name} does not say where its voxels lie, as its {used} is not finite or spans no space: repair the header.",
                error);
        }
    }

    public static AffineTransform SFormAffine(NiftiSForm form) => new(
        new(form.X.I, form.Y.I, form.Z.I),
        new(form.X.J, form.Y.J, form.Z.J),
        new(form.X.K, form.Y.K, form.Z.K),
        new(form.X.Offset, form.Y.Offset, form.Z.Offset));

    /// <summary>Method 2: rotation by the quaternion, k mirrored where <c>pixdim[0]</c> (qfac) is below 0.</summary>
    /// <returns>NaN where the voxel sizes are not above 0 or the quaternion is longer than 1.</returns>
    public static AffineTransform QFormAffine(NiftiFields fields)
    {
        var (b, c, d) = (fields.QForm.B, fields.QForm.C, fields.QForm.D);
        var aa = 1 - ((b * b) + (c * c) + (d * d));
        // Float32 leaves a half turn slightly longer than 1; beyond that it is no rotation.
        var a = aa < -1e-5 ? double.NaN : Math.Sqrt(Math.Max(0, aa));
        if (aa < 1e-7)
        {
            // As in nifti_quatern_to_mat44: so little is float32's rounding, whose root would tilt the grid by 4e-4.
            var length = Math.Sqrt(1 - aa);
            (a, b, c, d) = (0 * a, b / length, c / length, d / length);
        }

        var (di, dj, dk) = SpacingOf(fields);
        dk *= fields.PixDim[0] < 0 ? -1 : 1;
        return new(
            di * new Vector3D((a * a) + (b * b) - (c * c) - (d * d), 2 * ((b * c) + (a * d)), 2 * ((b * d) - (a * c))),
            dj * new Vector3D(2 * ((b * c) - (a * d)), (a * a) + (c * c) - (b * b) - (d * d), 2 * ((c * d) + (a * b))),
            dk * new Vector3D(2 * ((b * d) + (a * c)), 2 * ((c * d) - (a * b)), (a * a) + (d * d) - (b * b) - (c * c)),
            fields.QForm.Offset);
    }

    public static AffineTransform Method1Affine(NiftiFields fields)
    {
        var (di, dj, dk) = SpacingOf(fields);
        return AffineTransform.Scaling(di, dj, dk);
    }

    /// <summary>The qform of an affine (file unit) whose axes are orthogonal, with its voxel sizes and qfac; else code 0.</summary>
    public static (NiftiQForm Form, ImmutableArray<double> PixDim) QFormOf(AffineTransform affine, int code)
    {
        var (di, dj, dk) = (affine.I.Length, affine.J.Length, affine.K.Length);
        var qfac = affine.Determinant < 0 ? -1.0 : 1.0;
        var (x, y, z) = ((1 / di) * affine.I, (1 / dj) * affine.J, (qfac / dk) * affine.K);
        // 1e-5 moves the far corner of 512 voxels by 0.005 voxel; direction cosines carry about 1e-6 of rounding.
        var orthogonal = Math.Abs(x.Dot(y)) < 1e-5 && Math.Abs(y.Dot(z)) < 1e-5 && Math.Abs(z.Dot(x)) < 1e-5;
        var (b, c, d) = orthogonal ? Quaternion(x, y, z) : default;
        return (new(orthogonal ? code : 0, b, c, d, affine.Origin), [qfac, di, dj, dk, 0, 0, 0, 0]);
    }

    public static NiftiSForm SFormOf(AffineTransform affine, int code) => new(
        code,
        new(affine.I.X, affine.J.X, affine.K.X, affine.Origin.X),
        new(affine.I.Y, affine.J.Y, affine.K.Y, affine.Origin.Y),
        new(affine.I.Z, affine.J.Z, affine.K.Z, affine.Origin.Z));

    /// <summary>Components (b, c, d), a ≥ 0, of the rotation with these columns, through the largest of the four.</summary>
    private static (double B, double C, double D) Quaternion(Vector3D x, Vector3D y, Vector3D z)
    {
        var aa = 1 + x.X + y.Y + z.Z;
        var bb = 1 + x.X - y.Y - z.Z;
        var cc = 1 - x.X + y.Y - z.Z;
        var dd = 1 - x.X - y.Y + z.Z;
        // Four times (a², ab, ac, ad), (ab, b², bc, bd) and so on: each row is the quaternion, times its largest part.
        var (a, b, c, d) =
            aa >= 1 ? (aa, y.Z - z.Y, z.X - x.Z, x.Y - y.X)
            : bb >= cc && bb >= dd ? (y.Z - z.Y, bb, x.Y + y.X, z.X + x.Z)
            : cc >= dd ? (z.X - x.Z, x.Y + y.X, cc, y.Z + z.Y)
            : (x.Y - y.X, z.X + x.Z, y.Z + z.Y, dd);
        var length = Math.Sqrt((a * a) + (b * b) + (c * c) + (d * d)) * (a < 0 ? -1 : 1);
        return (b / length, c / length, d / length);
    }

    private static (double I, double J, double K) SpacingOf(NiftiFields fields)
    {
        var (i, j, k) = (fields.PixDim[1], fields.PixDim[2], fields.PixDim[3]);
        // Readers disagree on what a spacing of 0 or below means, so it means nothing.
        return i > 0 && j > 0 && k > 0 ? (i, j, k) : (double.NaN, double.NaN, double.NaN);
    }

    /// <summary>An unknown unit (0) is taken for mm, as everywhere.</summary>
    private static double? MmPerUnit(int xyztUnits) => (xyztUnits & 7) switch
    {
        0 or 2 => 1,
        1 => 1e3,
        3 => 1e-3,
        _ => null,
    };
}
