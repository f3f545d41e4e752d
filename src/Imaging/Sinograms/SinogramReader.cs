using ToNNO.Imaging.Nifti;
using ToNNO.Tomography.Backprojection;
using ToNNO.Tomography.Filtering;
using ToNNO.Tomography.Geometry;
using ToNNO.Tomography.Sampling;

namespace ToNNO.Imaging.Sinograms;

/// <summary>The arrays of a file to a sinogram; refuses what contradicts itself.</summary>
internal sealed class SinogramReader(NpzArrays arrays, string name)
{
    public Sinogram Read()
    {
        var logits = arrays.Floats("logits", out var axes, -1, -1, -1);
        var (classes, directions, offsets) = (axes[0], axes[1], axes[2]);
        var header = Header();
        return new Sinogram
        {
            Classes = Classes(classes),
            Logits = logits,
            BlankLogits = arrays.Floats("blank_logit", out _, classes),
            Measured = arrays.Flags("measured", directions, offsets),
            Plan = Plan(header.Geometry, directions, offsets),
            Header = header,
            Alpha = arrays.Doubles("alpha")[0] is >= 0 and <= 2 and var alpha ? alpha : throw arrays.Invalid("alpha", "is not from 0 to 2: make it anew with tonno run"),
            Window = FilterWindows.Named(arrays.Texts("window")[0]) ?? throw arrays.Invalid("window", "names none of none, cosine, hann and 3point: make it anew with tonno run"),
            BlockDirections = arrays.Integers("block_directions")[0] is >= 1 and <= Backprojector.BlockSize and var block
                ? block
                : throw arrays.Invalid("block_directions", $"is not from 1 to {Backprojector.BlockSize}: make it anew with tonno run"),
        };
    }

    private string[] Classes(int count)
    {
        var classes = arrays.Texts("classes", count);
        return classes.Any(string.IsNullOrWhiteSpace) || classes.Distinct(StringComparer.Ordinal).Count() < count
            ? throw arrays.Invalid("classes", "holds a name twice, or an empty one: rename the classes")
            : classes;
    }

    private NiftiHeader Header()
    {
        var header = NiftiHeader.Parse(arrays.Bytes("nifti_header", -1), $"Array nifti_header of {name}");
        var (geometry, a) = (header.Geometry, header.Geometry.Affine);
        double[] affine =
        [
            a.I.X, a.J.X, a.K.X, a.Origin.X,
            a.I.Y, a.J.Y, a.K.Y, a.Origin.Y,
            a.I.Z, a.J.Z, a.K.Z, a.Origin.Z,
            0, 0, 0, 1,
        ];
        var shape = arrays.Integers("shape", 3);
        return (shape[0], shape[1], shape[2]) == (geometry.Shape.I, geometry.Shape.J, geometry.Shape.K) && arrays.Doubles("affine", 4, 4).SequenceEqual(affine)
            ? header
            : throw Inconsistent("shape and affine are not those of nifti_header", null);
    }

    private SamplingPlan Plan(VolumeGeometry geometry, int directions, int offsets)
    {
        var offsetsMm = arrays.Doubles("offsets_mm", offsets);
        // Offsets are whole multiples of the spacing: the first past the middle is the spacing itself, to the last bit.
        var spacing = offsets < 3 ? 0 : offsetsMm[(offsets / 2) + 1];
        for (var o = 0; o < offsets; o++)
        {
            if (!(Math.Abs(offsetsMm[o] - ((o - (offsets / 2)) * spacing)) <= 1e-6 * spacing))
            {
                throw Inconsistent("offsets_mm do not rise in equal steps about 0", null);
            }
        }

        var (components, centre) = (arrays.Doubles("normals", directions, 3), arrays.Doubles("centre_mm", 3));
        var normals = new Vector3D[directions];
        for (var d = 0; d < directions; d++)
        {
            normals[d] = new Vector3D(components[3 * d], components[(3 * d) + 1], components[(3 * d) + 2]);
        }

        var (weights, pixel, size) = (arrays.Doubles("weights", directions), arrays.Doubles("pixel_mm")[0], arrays.Integers("slice_size")[0]);
        try
        {
            return SamplingPlan.Restored(
                geometry, DirectionSet.Restored(normals, weights), new(centre[0], centre[1], centre[2]), spacing, offsets, pixel, size);
        }
        catch (ArgumentException refused)
        {
            throw Inconsistent("directions, offsets and grid do not fit each other", refused);
        }
    }

    private ImagingException Inconsistent(string fault, Exception? cause) =>
        new(RejectReason.SinogramInconsistent, $"In {name}, {fault}: make it anew with tonno run.", cause);
}
