using ToNNO.Tomography.Geometry;

namespace ToNNO.Tomography.Sampling;

/// <summary>Which planes of a volume are cut: directions, offsets and pixels; see docs/geometry.md.</summary>
public sealed record SamplingPlan
{
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
        var half = (int)Math.Ceiling(reach / spacing) + 1;
        var covering = (int)Math.Ceiling(2 * reach / pixel) + 1;
        return new SamplingPlan(directions)
        {
            CentreMm = geometry.CentreMm,
            SpacingMm = spacing,
            OffsetCount = (2 * half) + 1,
            PixelMm = pixel,
            Size = size ?? covering,
            CutsOff = size * pixel < 2 * geometry.RadiusMm,
        };
    }

    /// <summary>The same planes of the first <paramref name="count"/> directions alone, weighted anew.</summary>
    public SamplingPlan FirstDirections(int count) => this with { Directions = Directions.First(count) };

    /// <summary>Signed distance of a slice from the rotation centre, mm.</summary>
    public double OffsetMm(int offsetIndex) => (offsetIndex - (OffsetCount / 2)) * SpacingMm;
}
