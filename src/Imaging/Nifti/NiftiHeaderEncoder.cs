using System.Buffers.Binary;
using System.Text;

namespace ToNNO.Imaging.Nifti;

/// <summary>Fields to the bytes of a little-endian single file without extensions, up to its first voxel.</summary>
internal readonly ref struct NiftiHeaderEncoder
{
    private readonly NiftiLayout _layout;
    private readonly Span<byte> _bytes;

    private NiftiHeaderEncoder(NiftiLayout layout, Span<byte> bytes)
    {
        _layout = layout;
        _bytes = bytes;
    }

    /// <param name="grid">Version, shape, forms and units; its data type, scaling and offset are not used.</param>
    /// <param name="description">ASCII, at most 79 characters.</param>
    public static byte[] Encode(NiftiFields grid, NiftiDataType dataType, double calMin, double calMax, string description)
    {
        var layout = NiftiLayout.Of(grid.Version);
        var bytes = new byte[layout.SingleFileVoxOffset];
        var encoder = new NiftiHeaderEncoder(layout, bytes);
        encoder.Encode(grid, dataType);
        encoder.Real(layout.CalMin, calMin);
        encoder.Real(layout.CalMax, calMax);
        Encoding.ASCII.GetBytes(description, bytes.AsSpan(layout.Description, 79));
        return bytes;
    }

    private void Encode(NiftiFields grid, NiftiDataType dataType)
    {
        Integer(0, 4, _layout.SizeBytes);
        _layout.SingleFileMagic.CopyTo(_bytes[_layout.Magic..]);
        Integer(_layout.DataType, 2, (int)dataType);
        Integer(_layout.BitPix, 2, 8 * dataType.SizeBytes());
        ReadOnlySpan<int> dim = [grid.Rank, grid.Shape.I, grid.Shape.J, grid.Shape.K, 1, 1, 1, 1];
        for (var axis = 0; axis < dim.Length; axis++)
        {
            Integer(_layout.Dim + (axis * _layout.DimWidth), _layout.DimWidth, dim[axis]);
        }

        Reals(_layout.PixDim, grid.PixDim.AsSpan());
        if (_layout.Version == 1)
        {
            Real(_layout.VoxOffset, _layout.SingleFileVoxOffset);
        }
        else
        {
            Integer(_layout.VoxOffset, 8, _layout.SingleFileVoxOffset);
        }

        Real(_layout.SclSlope, 1);
        Integer(_layout.XyztUnits, _layout.UnitsWidth, grid.XyztUnits);
        var (q, s) = (grid.QForm, grid.SForm);
        Integer(_layout.QFormCode, _layout.CodeWidth, q.Code);
        Integer(_layout.SFormCode, _layout.CodeWidth, s.Code);
        Reals(_layout.Quaternion, [q.B, q.C, q.D]);
        Reals(_layout.QOffset, [q.Offset.X, q.Offset.Y, q.Offset.Z]);
        Reals(
            _layout.SRows,
            [
                s.X.I, s.X.J, s.X.K, s.X.Offset,
                s.Y.I, s.Y.J, s.Y.K, s.Y.Offset,
                s.Z.I, s.Z.J, s.Z.K, s.Z.Offset,
            ]);
    }

    private void Reals(int offset, ReadOnlySpan<double> values)
    {
        for (var index = 0; index < values.Length; index++)
        {
            Real(offset + (index * _layout.RealWidth), values[index]);
        }
    }

    private void Real(int offset, double value)
    {
        if (_layout.RealWidth == 4)
        {
            BinaryPrimitives.WriteSingleLittleEndian(_bytes[offset..], (float)value);
        }
        else
        {
            BinaryPrimitives.WriteDoubleLittleEndian(_bytes[offset..], value);
        }
    }

    private void Integer(int offset, int width, long value)
    {
        Span<byte> field = stackalloc byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(field, value);
        field[..width].CopyTo(_bytes[offset..]);
    }
}
