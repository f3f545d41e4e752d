using ToNNO.Tomography.Geometry;

namespace ToNNO.Imaging.Nifti;

/// <summary>The header's qform as stored, in the file's spatial unit; with <c>pixdim[0..3]</c> it is an affine.</summary>
/// <param name="Code">Above 0: in use, and what its coordinates are relative to.</param>
/// <param name="B">Quaternion component b; a = √(1 − b² − c² − d²).</param>
/// <param name="C">Quaternion component c.</param>
/// <param name="D">Quaternion component d.</param>
/// <param name="Offset">World position of the first voxel's centre.</param>
public readonly record struct NiftiQForm(int Code, double B, double C, double D, Vector3D Offset);

/// <summary>The header's sform as stored: the rows of the affine, in the file's spatial unit.</summary>
/// <param name="Code">Above 0: in use, and what its coordinates are relative to.</param>
public readonly record struct NiftiSForm(int Code, NiftiRow X, NiftiRow Y, NiftiRow Z);

/// <summary>One row of the sform: <c>I·i + J·j + K·k + Offset</c>.</summary>
public readonly record struct NiftiRow(double I, double J, double K, double Offset);
