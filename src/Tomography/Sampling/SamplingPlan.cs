using ToNNO.Tomography.Geometry;
using ToNNO.Tomography.Slicing;

namespace ToNNO.Tomography.Sampling;

/// <summary>Which planes of a volume are cut: directions, offsets and pixels; see docs/geometry.md.</summary>
public sealed record SamplingPlan
{
    /// <summary>Most slices of a stack, and most of them to a voxel: what a backprojector's tables and a filter's taps take.</summary>
    public const int MostOffsets = 1 << 14;

    private const double MostSlicesToAVoxel = 1024;

    /// <summary>Bounds of h and q. Taps of the filter go with h⁻², and float32 must hold them.</summary>
    private const double FinestMm = 1e-9, CoarsestMm = 1e9;

    /// <summary>Farthest place that a double tells to 2⁻¹⁶ of a voxel, voxels.</summary>
    private const double FarthestVoxels = 1L << 36;

    private SamplingPlan(DirectionSet directions) => Directions = directions;

    public DirectionSet Directions { get; private init; }

    /// <summary>The rotation centre, world mm: offset 0 of every direction.</summary>
    public required Vector3D CentreMm { get; init; }

    /// <summary>Distance h between neighbouring slices of a stack.</summary>
    public required double SpacingMm { get; init; }

    /// <summary>Slices in a stack; odd, symmetric about offset 0.</summary>
    public required int OffsetCount { get; init; }

    /// <summary>In-plane pixel size q.</summary>
    public required double PixelMm { get; init; }

    /// <summary>Edge S of a slice in pixels.</summary>
    public required int Size { get; init; }

    /// <summary>True where S·q is shorter than the volume's diagonal, so that some planes are cut off.</summary>
    public required bool CutsOff { get; init; }

    /// <summary>Plans the planes of a volume.</summary>
    /// <param name="spacingMm">h, or null for the finest voxel spacing.</param>
    /// <param name="pixelMm">q, or null for <paramref name="spacingMm"/>'s value.</param>
    /// <param name="size">S, or null for the smallest that covers the volume in every direction.</param>
    /// <exception cref="ArgumentOutOfRangeException">An option is not above 0, or there are more slices or pixels than can be counted.</exception>
    public static SamplingPlan For(
        VolumeGeometry geometry, DirectionSet directions, double? spacingMm = null, double? pixelMm = null, int? size = null)
    {
        var spacing = spacingMm ?? geometry.FinestSpacingMm;
        var pixel = pixelMm ?? spacing;
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(spacing, nameof(spacingMm));
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(pixel, nameof(pixelMm));
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(size ?? 1, nameof(size));

        // Trilinear samples reach half a voxel past the box. Past that a profile is exactly blank, hence zero after
        // blank subtraction, so that the filter needs no further margin; one more step bounds the linear interpolation.
        var affine = geometry.Affine;
        var reach = geometry.RadiusMm + (0.5 * (affine.I.Length + affine.J.Length + affine.K.Length));
        var (halfSteps, pixels) = (Math.Ceiling(reach / spacing), Math.Ceiling(2 * reach / pixel));
        if (!(halfSteps < int.MaxValue / 2) || !(pixels < int.MaxValue))
        {
            throw new ArgumentOutOfRangeException(
                nameof(geometry), $"A volume of radius {geometry.RadiusMm} mm takes more slices {spacing} mm apart, or more pixels of {pixel} mm, than can be counted.");
        }

        var half = (int)halfSteps + 1;
        return new SamplingPlan(directions)
        {
            CentreMm = geometry.CentreMm,
            SpacingMm = spacing,
            OffsetCount = (2 * half) + 1,
            PixelMm = pixel,
            Size = size ?? ((int)pixels + 1),
            CutsOff = size * pixel < 2 * geometry.RadiusMm,
        };
    }

    /// <summary>The planes of a sinogram that was stored.</summary>
    /// <exception cref="ArgumentException">The stacks do not cover the volume, or are no sensible sampling of its voxels.</exception>
    public static SamplingPlan Restored(
        VolumeGeometry geometry, DirectionSet directions, Vector3D centreMm, double spacingMm, int offsetCount, double pixelMm, int size)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(size);
        if (!double.IsFinite(spacingMm) || !(spacingMm > 0) || !double.IsFinite(pixelMm) || !(pixelMm > 0))
        {
            throw new ArgumentException($"A spacing of {spacingMm} mm with pixels of {pixelMm} mm is none.", nameof(spacingMm));
        }

        if (offsetCount is < 3 or > MostOffsets || offsetCount % 2 == 0)
        {
            throw new ArgumentException($"{offsetCount} slices to a stack are not an odd number from 3 to {MostOffsets}.", nameof(offsetCount));
        }

        var (i, j, k) = (geometry.Affine.I, geometry.Affine.J, geometry.Affine.K);
        if (CoarsestSpacingMm(geometry) > MostSlicesToAVoxel * spacingMm)
        {
            throw new ArgumentException($"Slices {spacingMm} mm apart are more than {MostSlicesToAVoxel} to a voxel.", nameof(spacingMm));
        }

        if (!((centreMm - geometry.CentreMm).Length <= 1e-3 * spacingMm))
        {
            throw new ArgumentException("The rotation centre is not the grid's.", nameof(centreMm));
        }

        // Profiles are read a slice spacing past the outermost voxel's centre.
        var (edgeI, edgeJ, edgeK) = ((geometry.Shape.I - 1) / 2.0 * i, (geometry.Shape.J - 1) / 2.0 * j, (geometry.Shape.K - 1) / 2.0 * k);
        var reach = Math.Max(
            Math.Max((edgeI + edgeJ + edgeK).Length, (edgeI + edgeJ - edgeK).Length),
            Math.Max((edgeI - edgeJ + edgeK).Length, (edgeI - edgeJ - edgeK).Length));
        return ((offsetCount / 2) - 1) * spacingMm >= reach
            ? new SamplingPlan(directions)
            {
                CentreMm = centreMm,
                SpacingMm = spacingMm,
                OffsetCount = offsetCount,
                PixelMm = pixelMm,
                Size = size,
                CutsOff = size * pixelMm < 2 * geometry.RadiusMm,
            }
            : throw new ArgumentException(
                $"{offsetCount} slices {spacingMm} mm apart do not cover a volume of radius {reach} mm.", nameof(offsetCount));
    }

    /// <summary>True where every plane, of whatever direction, can be cut from a volume, and a heatmap be made on its grid: where the plan keeps within what tables,
    /// indices and float32 hold. A damaged header may ask for anything else.</summary>
    public bool IsFitFor(VolumeGeometry geometry)
    {
        var affine = geometry.Affine;
        var (i, j, k) = (affine.I.Normalized(), affine.J.Normalized(), affine.K.Normalized());
        // A millimetre is no more voxels than this: the lengths of the rows of the inverse, of unit vectors, as squares of tiny ones would be zero.
        var voxelsPerMm = ((j.Cross(k).Length / affine.I.Length) + (k.Cross(i).Length / affine.J.Length) + (i.Cross(j).Length / affine.K.Length)) / Math.Abs(i.Dot(j.Cross(k)));
        var farthestMm = (geometry.CentreMm - CentreMm).Length + geometry.RadiusMm + (OffsetCount * SpacingMm) + (3 * Size * PixelMm);
        return OffsetCount <= MostOffsets
            && SpacingMm is >= FinestMm and <= CoarsestMm
            && PixelMm is >= FinestMm and <= CoarsestMm
            && CoarsestSpacingMm(geometry) <= MostSlicesToAVoxel * SpacingMm
            && farthestMm * voxelsPerMm < PixelGrid.FarthestIndex
            && 8 * farthestMm < PixelGrid.FarthestIndex * PixelMm // the other way round: a row of voxels on the maps of slices
            && (affine.Origin.Length + geometry.CentreMm.Length + CentreMm.Length + farthestMm) * voxelsPerMm < FarthestVoxels;
    }

    /// <summary>The same planes of the first <paramref name="count"/> directions alone, weighted anew.</summary>
    public SamplingPlan FirstDirections(int count) => this with { Directions = Directions.First(count) };

    private static double CoarsestSpacingMm(VolumeGeometry geometry) =>
        Math.Max(geometry.Affine.I.Length, Math.Max(geometry.Affine.J.Length, geometry.Affine.K.Length));

    /// <summary>Signed distance of a slice from the rotation centre, mm.</summary>
    public double OffsetMm(int offsetIndex) => (offsetIndex - (OffsetCount / 2)) * SpacingMm;
}
