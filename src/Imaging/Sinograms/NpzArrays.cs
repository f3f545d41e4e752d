using System.Globalization;
using System.IO.Compression;
using System.Runtime.InteropServices;
using System.Text;

namespace ToNNO.Imaging.Sinograms;

/// <summary>The arrays of a NumPy <c>.npz</c> (a zip of .npy files, stored or deflated), read one by one by name.</summary>
/// <remarks>What an array claims is held against the bytes of the file before memory is taken for it, and its checksum
/// against what was read. Zip files are read forwards and backwards: the stream must seek.</remarks>
internal sealed class NpzArrays : IDisposable
{
    /// <summary>DEFLATE's best case: 258 bytes from 2 bits.</summary>
    private const long MaximumExpansion = 1032;

    private static readonly UTF32Encoding _strictUtf32 = new(bigEndian: false, byteOrderMark: false, throwOnInvalidCharacters: true);

    private readonly ZipArchive _zip;
    private readonly long _lengthBytes;
    private readonly string _name;

    /// <param name="file">Left open.</param>
    /// <param name="name">What messages call the file.</param>
    /// <exception cref="ImagingException">It is no zip file, or its end is missing.</exception>
    public NpzArrays(Stream file, string name)
    {
        (_name, _lengthBytes) = (name, file.Length);
        _zip = Guard(() =>
        {
            var zip = new ZipArchive(file, ZipArchiveMode.Read, leaveOpen: true);
            _ = zip.Entries; // reads the directory
            return zip;
        }, RejectReason.SinogramNotNpz, "is no .npz file, or its end is missing: give the sinogram.npz of a result");
    }

    public void Dispose() => _zip.Dispose();

    /// <summary>Reads float32, or float64 rounded to it; every value is finite.</summary>
    /// <param name="shape">The lengths of its axes, −1 for any.</param>
    public float[] Floats(string name, out IReadOnlyList<int> actual, params ReadOnlySpan<int> shape)
    {
        var (type, bytes) = Read(name, ["<f4", "<f8"], shape, out actual);
        float[] values = type == "<f4" ? MemoryMarshal.Cast<byte, float>(bytes).ToArray() : Array.ConvertAll(MemoryMarshal.Cast<byte, double>(bytes).ToArray(), value => (float)value);
        return Array.FindIndex(values, value => !float.IsFinite(value)) is var at and >= 0
            ? throw Invalid(name, $"holds {values[at]} at place {at}: make it anew with tonno run")
            : values;
    }

    /// <summary>Reads float64 or float32; every value is finite.</summary>
    public double[] Doubles(string name, params ReadOnlySpan<int> shape)
    {
        var (type, bytes) = Read(name, ["<f8", "<f4"], shape, out _);
        double[] values = type == "<f8" ? MemoryMarshal.Cast<byte, double>(bytes).ToArray() : Array.ConvertAll(MemoryMarshal.Cast<byte, float>(bytes).ToArray(), value => (double)value);
        return Array.FindIndex(values, value => !double.IsFinite(value)) is var at and >= 0
            ? throw Invalid(name, $"holds {values[at]} at place {at}: make it anew with tonno run")
            : values;
    }

    /// <summary>Reads int32 or int64 that fit int32.</summary>
    public int[] Integers(string name, params ReadOnlySpan<int> shape)
    {
        var (type, bytes) = Read(name, ["<i4", "<i8"], shape, out _);
        if (type == "<i4")
        {
            return MemoryMarshal.Cast<byte, int>(bytes).ToArray();
        }

        var values = MemoryMarshal.Cast<byte, long>(bytes).ToArray();
        return Array.FindIndex(values, value => value != (int)value) is var at and >= 0
            ? throw Invalid(name, $"holds {values[at]} at place {at}: make it anew with tonno run")
            : Array.ConvertAll(values, value => (int)value);
    }

    public bool[] Flags(string name, params ReadOnlySpan<int> shape) =>
        Array.ConvertAll(Read(name, ["|b1"], shape, out _).Bytes, value => value != 0);

    public byte[] Bytes(string name, params ReadOnlySpan<int> shape) => Read(name, ["|u1"], shape, out _).Bytes;

    /// <summary>Reads texts without control characters.</summary>
    public string[] Texts(string name, params ReadOnlySpan<int> shape)
    {
        var (type, bytes) = Read(name, ["<U"], shape, out _);
        var width = 4 * int.Parse(type[2..], CultureInfo.InvariantCulture);
        var texts = new string[bytes.Length / width];
        for (var at = 0; at < texts.Length; at++)
        {
            try
            {
                texts[at] = _strictUtf32.GetString(bytes, at * width, width).TrimEnd('\0');
            }
            catch (DecoderFallbackException malformed)
            {
                throw Invalid(name, "holds no text: make it anew with tonno run", malformed);
            }

            if (texts[at].Any(char.IsControl))
            {
                throw Invalid(name, "holds control characters: rename the classes");
            }
        }

        return texts;
    }

    public ImagingException Invalid(string array, string fault, Exception? cause = null) =>
        new(RejectReason.SinogramArrayInvalid, $"Array {array} of {_name} {fault}.", cause);

    /// <summary>Reads an array of one of a few types, and of a shape.</summary>
    private (string Type, byte[] Bytes) Read(string name, string[] types, ReadOnlySpan<int> shape, out IReadOnlyList<int> actual)
    {
        var (wanted, rank) = (shape.ToArray(), shape.Length);
        var (header, bytes) = Guard(() =>
        {
            var entry = _zip.GetEntry(name + ".npy") ?? throw new ImagingException(
                RejectReason.SinogramArrayMissing, $"{_name} holds no array {name}: give the sinogram.npz of a result, and run again where an older version made it.");
            using var content = entry.Open();
            using var stream = new ChecksumStream(content);
            var header = NpyHeader.TryRead(stream, out var headerBytes) ?? throw Invalid(name, "is not in NumPy's format: save it again");
            if (!types.Any(type => type == "<U" ? header.Type.StartsWith(type, StringComparison.Ordinal) : header.Type == type) || header.ElementBytes is not { } size)
            {
                throw Invalid(name, $"is of type {Printable(header.Type)}, not {string.Join(" or ", types)}: convert it");
            }

            if (header.Shape.Count != rank || wanted.Where((length, axis) => length >= 0 ? header.Shape[axis] != length : header.Shape[axis] < 1).Any())
            {
                throw Invalid(name, $"has shape {header.ShapeText}, not ({string.Join(", ", wanted.Select(length => length < 0 ? "any" : $"{length}"))}): run again where an older version made it");
            }

            if (header.FortranOrder && rank > 1)
            {
                throw Invalid(name, "is in Fortran order: save it with numpy.ascontiguousarray");
            }

            if (header.Count is not { } count || count > Array.MaxLength / size)
            {
                throw new ImagingException(RejectReason.SinogramTooLarge, $"Array {name} of {_name}, {header.ShapeText} of {header.Type}, is larger than any that is taken: choose fewer directions or a wider spacing.");
            }

            var expected = headerBytes + (count * size);
            if (entry.Length != expected || expected / MaximumExpansion > Math.Min(entry.CompressedLength, _lengthBytes))
            {
                throw Damaged(name);
            }

            var bytes = GC.AllocateUninitializedArray<byte>((int)(count * size));
            return stream.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false) == bytes.Length && stream.ReadByte() < 0 && stream.Checksum == entry.Crc32
                ? (header, bytes)
                : throw Damaged(name);
        }, RejectReason.SinogramDamaged, $"is damaged at array {name}: copy it again, or run again");
        actual = [.. header.Shape.Select(length => (int)length)];
        return (header.Type, bytes);
    }

    private T Guard<T>(Func<T> read, RejectReason reason, string fault)
    {
        try
        {
            return read();
        }
        catch (Exception error) when (error is InvalidDataException or EndOfStreamException)
        {
            throw new ImagingException(reason, $"{_name} {fault}.", error);
        }
    }

    private ImagingException Damaged(string array) =>
        new(RejectReason.SinogramDamaged, $"{_name} is damaged at array {array}: copy it again, or run again.");

    private static string Printable(string text) => new([.. text.Take(20).Select(c => char.IsControl(c) ? '?' : c)]);
}
