using System.Buffers.Binary;
using System.Collections.Immutable;
using ToNNO.Tomography.Geometry;

namespace ToNNO.Imaging.Nifti;

/// <summary>Header bytes to fields; refuses what contradicts itself.</summary>
internal readonly ref struct NiftiHeaderDecoder
{
    /// <summary>Keeps every later sum of bytes within a long, whatever the header claims.</summary>
    private const long MostVoxels = 1L << 58;

    /// <summary>Keeps <c>vox_offset</c> exact in a double, and sums with it within a long.</summary>
    private const double MostOffset = 1L << 53;

    private readonly ReadOnlySpan<byte> _bytes;
    private readonly NiftiLayout _layout;
    private readonly bool _bigEndian;
    private readonly string _name;
    private readonly int? _frame;

    private NiftiHeaderDecoder(ReadOnlySpan<byte> bytes, NiftiLayout layout, bool bigEndian, string name, int? frame)
    {
        _frame = frame;
        _bytes = bytes;
        _layout = layout;
        _bigEndian = bigEndian;
        _name = name;
    }

    /// <param name="bytes">As many bytes as the layout's header has.</param>
    /// <param name="frame">Of a file of several frames the one to read; null refuses such a file.</param>
    /// <exception cref="ImagingException">Not NIfTI, not a 3D volume of real numbers, or contradictory.</exception>
    public static NiftiFields Decode(ReadOnlySpan<byte> bytes, NiftiLayout layout, bool bigEndian, string name, int? frame = null) =>
        new NiftiHeaderDecoder(bytes, layout, bigEndian, name, frame).Decode();

    private NiftiFields Decode()
    {
        var magic = _bytes.Slice(_layout.Magic, _layout.SingleFileMagic.Length);
        var isPair = magic.SequenceEqual(_layout.PairMagic);
        if (!isPair && !magic.SequenceEqual(_layout.SingleFileMagic))
        {
            throw new ImagingException(
                RejectReason.NotNifti,
                $"{_name} lacks the NIfTI magic bytes (Analyze 7.5, or damaged): convert it to NIfTI or copy it again.");
        }

        var dataType = NiftiDataTypes.FromCode(Integer(_layout.DataType, 2), _name);
        var (rank, shape) = Shape();
        var fields = new NiftiFields
        {
            Version = _layout.Version,
            BigEndian = _bigEndian,
            IsPair = isPair,
            DataType = dataType,
            Rank = rank,
            Shape = shape,
            Frame = _frame ?? 0,
            FrameCount = FrameCount(rank),
            PixDim = Reals(_layout.PixDim, 8),
            QForm = QForm(),
            SForm = SForm(),
            XyztUnits = (int)Integer(_layout.XyztUnits, _layout.UnitsWidth),
            SclSlope = Real(_layout.SclSlope),
            SclInter = Real(_layout.SclInter),
            VoxOffset = VoxOffset(isPair),
        };
        if (NiftiScaling.Of(fields) is { IsIdentity: false } scaling && !double.IsFinite(scaling.Inter))
        {
            throw Invalid($"has slope {scaling.Slope} but an intercept that is not a number");
        }

        return fields;
    }

    private (int Rank, VolumeShape Shape) Shape()
    {
        var rank = Dim(0);
        if (rank is < 1 or > 7)
        {
            throw Invalid($"has {rank} dimensions, not 1 to 7");
        }

        UInt128 voxels = 1;
        for (var axis = 1; axis <= rank; axis++)
        {
            if (Dim(axis) < 1)
            {
                throw Invalid($"has {Dim(axis)} voxels along dimension {axis}");
            }

            if (axis > 3 && Dim(axis) > 1 && (axis > 4 || _frame is null))
            {
                throw new ImagingException(
                    RejectReason.VolumeNot3D,
                    $"{_name} holds {Dim(axis)} frames along dimension {axis}: {(axis == 4 ? "choose one by --frame, or split it into 3D volumes" : "split it into 3D volumes first")}.");
            }

            // A factor is below 2^63, so the product stays within 128 bits until the limit catches it.
            voxels *= (UInt128)Dim(axis);
            if (voxels > (UInt128)MostVoxels || Dim(axis) > int.MaxValue)
            {
                throw new ImagingException(
                    RejectReason.VolumeTooLarge, $"{_name} claims more voxels than any file holds: the header is damaged; copy it again.");
            }
        }

        if (rank < 3 || Dim(1) == 1 || Dim(2) == 1 || Dim(3) == 1)
        {
            throw new ImagingException(
                RejectReason.VolumeNot3D, $"{_name} is a single slice: give the whole volume, at least 2 voxels along each axis.");
        }

        return ((int)rank, new((int)Dim(1), (int)Dim(2), (int)Dim(3)));
    }

    private long FrameCount(int rank)
    {
        var count = rank > 3 ? Dim(4) : 1;
        return _frame is null || _frame < count ? count : throw new ImagingException(
            RejectReason.VolumeFrameMissing, $"{_name} has {count} frames, counted from 0, and so no frame {_frame}: choose another.");
    }

    private long VoxOffset(bool isPair)
    {
        var offset = _layout.Version == 1 ? Real(_layout.VoxOffset) : Integer(_layout.VoxOffset, 8);
        var least = isPair ? 0 : _layout.SingleFileVoxOffset;
        if (!(offset >= least && offset <= MostOffset) || offset != Math.Floor(offset))
        {
            throw Invalid($"says that its voxels start at byte {offset}");
        }

        return (long)offset;
    }

    private NiftiQForm QForm()
    {
        var quaternion = Reals(_layout.Quaternion, 3);
        var offset = Reals(_layout.QOffset, 3);
        return new(
            (int)Integer(_layout.QFormCode, _layout.CodeWidth),
            quaternion[0],
            quaternion[1],
            quaternion[2],
            new(offset[0], offset[1], offset[2]));
    }

    private NiftiSForm SForm()
    {
        var rows = Reals(_layout.SRows, 12);
        return new(
            (int)Integer(_layout.SFormCode, _layout.CodeWidth),
            new(rows[0], rows[1], rows[2], rows[3]),
            new(rows[4], rows[5], rows[6], rows[7]),
            new(rows[8], rows[9], rows[10], rows[11]));
    }

    private long Dim(int axis) => Integer(_layout.Dim + (axis * _layout.DimWidth), _layout.DimWidth);

    private ImmutableArray<double> Reals(int offset, int count)
    {
        var values = ImmutableArray.CreateBuilder<double>(count);
        for (var index = 0; index < count; index++)
        {
            values.Add(Real(offset + (index * _layout.RealWidth)));
        }

        return values.MoveToImmutable();
    }

    private double Real(int offset)
    {
        var field = _bytes.Slice(offset, _layout.RealWidth);
        return (_layout.RealWidth, _bigEndian) switch
        {
            (4, false) => BinaryPrimitives.ReadSingleLittleEndian(field),
            (4, true) => BinaryPrimitives.ReadSingleBigEndian(field),
            (_, false) => BinaryPrimitives.ReadDoubleLittleEndian(field),
            (_, true) => BinaryPrimitives.ReadDoubleBigEndian(field),
        };
    }

    private long Integer(int offset, int width)
    {
        var field = _bytes.Slice(offset, width);
        return (width, _bigEndian) switch
        {
            (1, _) => field[0],
            (2, false) => BinaryPrimitives.ReadInt16LittleEndian(field),
            (2, true) => BinaryPrimitives.ReadInt16BigEndian(field),
            (4, false) => BinaryPrimitives.ReadInt32LittleEndian(field),
            (4, true) => BinaryPrimitives.ReadInt32BigEndian(field),
            (_, false) => BinaryPrimitives.ReadInt64LittleEndian(field),
            (_, true) => BinaryPrimitives.ReadInt64BigEndian(field),
        };
    }

    private ImagingException Invalid(FormattableString fault) => new(
        RejectReason.NiftiHeaderInvalid,
        $"{_name} {FormattableString.Invariant(fault)}: the header is damaged; copy it again or rewrite it.");
}
