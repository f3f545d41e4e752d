using System.Collections.Immutable;
using ToNNO.Tomography.Geometry;

namespace ToNNO.Imaging.Nifti;

/// <summary>
/// What a NIfTI header says about a 3D volume, as stored: enough to write another file on exactly the same grid.
/// Text, intents and extensions are not kept, as they may name the patient.
/// </summary>
public sealed class NiftiHeader
{
    /// <summary>What reading takes beside the samples: buffers of the file, of the inflater and of one chunk.</summary>
    private const long BufferBytes = 512 << 10;

    internal NiftiHeader(NiftiFields fields, string name)
    {
        Fields = fields;
        Geometry = NiftiGeometry.Of(fields, name);
    }

    /// <summary>1 or 2.</summary>
    public int Version => Fields.Version;

    public bool IsBigEndian => Fields.BigEndian;

    /// <summary>The voxels lie in a second file (<c>.img</c>).</summary>
    public bool IsPair => Fields.IsPair;

    public NiftiDataType DataType => Fields.DataType;

    /// <summary><c>dim[0]</c>: 3 to 7; of dimensions past the third one place is read.</summary>
    public int Rank => Fields.Rank;

    public VolumeShape Shape => Fields.Shape;

    /// <summary><c>pixdim[0..7]</c>: qfac, then voxel sizes in the file's units.</summary>
    public ImmutableArray<double> PixDim => Fields.PixDim;

    public NiftiQForm QForm => Fields.QForm;

    public NiftiSForm SForm => Fields.SForm;

    /// <summary>Units of space (bits 0-2: 1 metre, 2 mm, 3 micron) and time (bits 3-5).</summary>
    public int XyztUnits => Fields.XyztUnits;

    /// <summary>Slope of the stored values; 0 and NaN mean that they are intensities already.</summary>
    public double SclSlope => Fields.SclSlope;

    public double SclInter => Fields.SclInter;

    /// <summary>Byte at which the voxels start, in the file that holds them.</summary>
    public long VoxOffset => Fields.VoxOffset;

    /// <summary>Where the voxels lie, RAS+ mm, whatever unit the file uses: the sform if its code is above 0, else the
    /// qform, else the voxel sizes alone.</summary>
    public VolumeGeometry Geometry { get; }

    /// <summary>Peak memory in bytes that reading this volume takes, for admission.</summary>
    public long PredictedBytes => (Shape.VoxelCount * (StaysInt16 ? sizeof(short) : sizeof(float))) + BufferBytes;

    /// <summary>True where the volume's samples are held as int16, not float32.</summary>
    public bool StaysInt16 => NiftiSamples.FitInt16(DataType, NiftiScaling.Of(Fields));

    internal NiftiFields Fields { get; }

    /// <summary>Bytes of the voxels, uncompressed.</summary>
    internal long DataBytes => Shape.VoxelCount * DataType.SizeBytes();

    /// <summary>Byte at which the voxels of the frame that is read start.</summary>
    internal long FirstByte => VoxOffset + (Fields.Frame * DataBytes);

    /// <summary>Byte at which the voxels of the last frame end.</summary>
    internal long EndByte => VoxOffset + (Fields.FrameCount * DataBytes);

    /// <summary>The header of a float32 volume that comes from no NIfTI file: an sform with code 1 (scanner), and the
    /// same as a qform where the axes are orthogonal.</summary>
    /// <remarks>NIfTI-1 stores float32: the header's <see cref="Geometry"/>, not the one given, is what a file will say.
    /// A volume with more than 32767 voxels along an axis gets a NIfTI-2 header.</remarks>
    /// <exception cref="ArgumentOutOfRangeException">An axis has fewer than 2 voxels.</exception>
    public static NiftiHeader Create(VolumeGeometry geometry) => Create(geometry, NiftiDataType.Float32, slope: 1, inter: 0);

    /// <summary>The same for a volume of stored values of another type.</summary>
    /// <exception cref="ImagingException">Rounded to float32 the grid spans no space.</exception>
    internal static NiftiHeader Create(VolumeGeometry geometry, NiftiDataType dataType, double slope, double inter)
    {
        ArgumentNullException.ThrowIfNull(geometry);
        var shape = geometry.Shape;
        ThrowIfFlat(shape, nameof(geometry));
        var version = Math.Max(shape.I, Math.Max(shape.J, shape.K)) > short.MaxValue ? 2 : 1;
        var (qform, pixDim) = NiftiGeometry.QFormOf(geometry.Affine, code: 1);
        return new(
            AsStored(new()
            {
                Version = version,
                BigEndian = false,
                IsPair = false,
                DataType = dataType,
                Rank = 3,
                Shape = shape,
                PixDim = pixDim,
                QForm = qform,
                SForm = NiftiGeometry.SFormOf(geometry.Affine, code: 1),
                XyztUnits = 2,
                SclSlope = slope,
                SclInter = inter,
                VoxOffset = NiftiLayout.Of(version).SingleFileVoxOffset,
            }),
            "The volume");
    }

    /// <summary>The grid as the bytes of a file's header, up to its first voxel; see <see cref="Parse"/>.</summary>
    public byte[] ToBytes() => NiftiHeaderEncoder.Encode(Fields, NiftiDataType.Float32, calMin: 0, calMax: 0, description: "");

    /// <summary>Reads the bytes of a single file's header, whose voxels lie elsewhere or nowhere.</summary>
    /// <param name="name">What messages call them.</param>
    /// <exception cref="ImagingException">They are no header of a 3D NIfTI volume.</exception>
    public static NiftiHeader Parse(ReadOnlySpan<byte> bytes, string name) =>
        bytes.Length >= sizeof(int) && NiftiLayout.Detect(bytes) is var (layout, bigEndian) && bytes.Length >= layout.SizeBytes
            ? new(NiftiHeaderDecoder.Decode(bytes[..layout.SizeBytes], layout, bigEndian, name), name)
            : throw new ImagingException(RejectReason.NotNifti, $"{name} is no NIfTI header: write it anew.");

    /// <summary>The header of a part of this volume: same axes, first voxel at the given index, in every form in use.</summary>
    /// <remarks>A file without forms cannot say where it lies; its parts get an sform, code 2 (aligned to another file).</remarks>
    /// <exception cref="ArgumentOutOfRangeException">The part reaches outside, or has fewer than 2 voxels along an axis.</exception>
    public NiftiHeader Crop(int startI, int startJ, int startK, VolumeShape shape)
    {
        ThrowIfFlat(shape, nameof(shape));
        ThrowIfOutside(startI, shape.I, Shape.I);
        ThrowIfOutside(startJ, shape.J, Shape.J);
        ThrowIfOutside(startK, shape.K, Shape.K);
        var (q, s) = (Fields.QForm, Fields.SForm);
        if (s.Code > 0)
        {
            var affine = NiftiGeometry.SFormAffine(s);
            s = NiftiGeometry.SFormOf(affine with { Origin = affine.ToWorld(startI, startJ, startK) }, s.Code);
        }

        if (q.Code > 0 && NiftiGeometry.QFormAffine(Fields).ToWorld(startI, startJ, startK) is var moved && double.IsFinite(moved.Length))
        {
            q = q with { Offset = moved };
        }

        if (s.Code <= 0 && q.Code <= 0 && (startI | startJ | startK) != 0)
        {
            var affine = NiftiGeometry.Method1Affine(Fields);
            s = NiftiGeometry.SFormOf(affine with { Origin = affine.ToWorld(startI, startJ, startK) }, code: 2);
        }

        return new(AsStored(Fields with { Shape = shape, QForm = q, SForm = s }), "The part");

        static void ThrowIfOutside(int start, int count, int available)
        {
            ArgumentOutOfRangeException.ThrowIfNegative(start);
            ArgumentOutOfRangeException.ThrowIfGreaterThan(start, available - count);
        }
    }

    /// <summary>Refuses a result whose header does not state this header's grid bit for bit. The affine needs no look of
    /// its own: it follows from these fields.</summary>
    /// <param name="name">The result's name, for the message.</param>
    /// <exception cref="ImagingException"><see cref="RejectReason.HeatmapGridDiffers"/>, naming the first field that differs.</exception>
    public void RequireSameGrid(NiftiHeader other, string name)
    {
        ArgumentNullException.ThrowIfNull(other);
        var differing =
            (Rank, Shape) != (other.Rank, other.Shape) ? "shape"
            : SForm.Code != other.SForm.Code ? "sform_code"
            : QForm.Code != other.QForm.Code ? "qform_code"
            : XyztUnits != other.XyztUnits ? "xyzt_units"
            : !SameBits(SFormValues(SForm), SFormValues(other.SForm)) ? "sform"
            : !SameBits(QFormValues(QForm), QFormValues(other.QForm)) ? "qform"
            : !SameBits(PixDim, other.PixDim) ? "pixdim"
            : null;
        if (differing is not null)
        {
            throw new ImagingException(
                RejectReason.HeatmapGridDiffers,
                $"{name} does not lie on its volume's grid, as its {differing} differs: discard it and compute it again.");
        }

        static double[] QFormValues(NiftiQForm q) => [q.B, q.C, q.D, q.Offset.X, q.Offset.Y, q.Offset.Z];

        static double[] SFormValues(NiftiSForm s) =>
        [
            s.X.I, s.X.J, s.X.K, s.X.Offset,
            s.Y.I, s.Y.J, s.Y.K, s.Y.Offset,
            s.Z.I, s.Z.J, s.Z.K, s.Z.Offset,
        ];

        // Bits, not values: a NaN in an unused field equals itself, and 0 is not −0.
        static bool SameBits(IEnumerable<double> ours, IEnumerable<double> theirs) =>
            ours.Select(BitConverter.DoubleToInt64Bits).SequenceEqual(theirs.Select(BitConverter.DoubleToInt64Bits));
    }

    /// <summary>Rounds what a file of this version stores as float32, so that the header says what its file will.</summary>
    private static NiftiFields AsStored(NiftiFields fields)
    {
        var bytes = NiftiHeaderEncoder.Encode(fields, fields.DataType, calMin: 0, calMax: 0, description: "");
        var stored = NiftiHeaderDecoder.Decode(bytes, NiftiLayout.Of(fields.Version), bigEndian: false, "The header");
        return fields with { PixDim = stored.PixDim, QForm = stored.QForm, SForm = stored.SForm };
    }

    private static void ThrowIfFlat(VolumeShape shape, string parameter) =>
        ArgumentOutOfRangeException.ThrowIfLessThan(Math.Min(shape.I, Math.Min(shape.J, shape.K)), 2, parameter);
}
