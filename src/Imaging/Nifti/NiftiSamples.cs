using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.InteropServices;

namespace ToNNO.Imaging.Nifti;

/// <summary>Stored samples to float32 intensities.</summary>
internal static class NiftiSamples
{
    /// <summary>Converts one run of samples.</summary>
    /// <param name="stored">The samples as stored; reordered in place where their byte order is not the machine's.</param>
    /// <param name="intensities">Destination; for float32 it may be the same memory.</param>
    public static void Convert(
        NiftiDataType type, bool bigEndian, NiftiScaling scaling, Span<byte> stored, Span<float> intensities)
    {
        if (bigEndian == BitConverter.IsLittleEndian)
        {
            ReverseEndianness(stored, type.SizeBytes());
        }

        switch (type)
        {
            case NiftiDataType.UInt8: Scale<byte>(stored, scaling, intensities); break;
            case NiftiDataType.Int8: Scale<sbyte>(stored, scaling, intensities); break;
            case NiftiDataType.Int16: Scale<short>(stored, scaling, intensities); break;
            case NiftiDataType.UInt16: Scale<ushort>(stored, scaling, intensities); break;
            case NiftiDataType.Int32: Scale<int>(stored, scaling, intensities); break;
            case NiftiDataType.UInt32: Scale<uint>(stored, scaling, intensities); break;
            case NiftiDataType.Int64: Scale<long>(stored, scaling, intensities); break;
            case NiftiDataType.UInt64: Scale<ulong>(stored, scaling, intensities); break;
            case NiftiDataType.Float32: Scale<float>(stored, scaling, intensities); break;
            case NiftiDataType.Float64: Scale<double>(stored, scaling, intensities); break;
            default: throw new ArgumentOutOfRangeException(nameof(type), type, "Not a stored sample type.");
        }
    }

    /// <summary>Whether samples stay as they are stored, in half the memory of float32, with the same intensities.</summary>
    public static bool FitInt16(NiftiDataType type, NiftiScaling scaling) =>
        type is NiftiDataType.UInt8 or NiftiDataType.Int8 or NiftiDataType.Int16 && scaling.HoldsForInt16();

    /// <summary>Copies one run of samples of at most 16 bits as they are stored.</summary>
    /// <inheritdoc cref="Convert"/>
    public static void Widen(NiftiDataType type, bool bigEndian, Span<byte> stored, Span<short> values)
    {
        switch (type)
        {
            case NiftiDataType.UInt8: Copy<byte>(stored, values); break;
            case NiftiDataType.Int8: Copy<sbyte>(stored, values); break;
            case NiftiDataType.Int16 when bigEndian == BitConverter.IsLittleEndian:
                BinaryPrimitives.ReverseEndianness(MemoryMarshal.Cast<byte, short>(stored), values);
                break;
            case NiftiDataType.Int16: Copy<short>(stored, values); break;
            default: throw new ArgumentOutOfRangeException(nameof(type), type, "Not a type that fits 16 bits with its sign.");
        }

        static void Copy<T>(ReadOnlySpan<byte> stored, Span<short> values)
            where T : unmanaged, INumber<T>
        {
            var samples = MemoryMarshal.Cast<byte, T>(stored);
            for (var index = 0; index < samples.Length; index++)
            {
                values[index] = short.CreateTruncating(samples[index]);
            }
        }
    }

    /// <summary>NaN and ±∞ among the intensities; a finite float64 beyond float32's range has become ±∞.</summary>
    public static long CountNonFinite(ReadOnlySpan<float> intensities)
    {
        var count = 0L;
        foreach (var intensity in intensities)
        {
            count += float.IsFinite(intensity) ? 0 : 1;
        }

        return count;
    }

    private static void Scale<T>(ReadOnlySpan<byte> stored, NiftiScaling scaling, Span<float> intensities)
        where T : unmanaged, INumber<T>
    {
        var samples = MemoryMarshal.Cast<byte, T>(stored);
        if (scaling.IsIdentity)
        {
            for (var index = 0; index < samples.Length; index++)
            {
                intensities[index] = float.CreateTruncating(samples[index]);
            }

            return;
        }

        for (var index = 0; index < samples.Length; index++)
        {
            intensities[index] = scaling.Intensity(double.CreateTruncating(samples[index]));
        }
    }

    private static void ReverseEndianness(Span<byte> stored, int width)
    {
        switch (width)
        {
            case 2:
                var shorts = MemoryMarshal.Cast<byte, ushort>(stored);
                BinaryPrimitives.ReverseEndianness(shorts, shorts);
                break;
            case 4:
                var words = MemoryMarshal.Cast<byte, uint>(stored);
                BinaryPrimitives.ReverseEndianness(words, words);
                break;
            case 8:
                var longs = MemoryMarshal.Cast<byte, ulong>(stored);
                BinaryPrimitives.ReverseEndianness(longs, longs);
                break;
        }
    }
}
