using System.Buffers.Binary;
using System.IO.Compression;
using System.Runtime.InteropServices;
using System.Text;
using ToNNO.Tomography.Filtering;

namespace ToNNO.Imaging.Sinograms;

/// <summary>A sinogram as a NumPy <c>.npz</c>: <c>numpy.load</c> gives all that is needed to filter and backproject again.</summary>
/// <remarks>
/// The arrays, of K classes, P directions and O offsets: <c>logits [K, P, O]</c>, <c>blank_logit [K]</c>, <c>classes [K]</c> (names),
/// <c>measured [P, O]</c> (false where logits were taken from neighbouring directions), <c>normals [P, 3]</c>, <c>weights [P]</c> (sum 1),
/// <c>offsets_mm [O]</c>, <c>centre_mm [3]</c>, <c>pixel_mm</c>, <c>slice_size</c>, <c>shape [3]</c> (i, j, k), <c>affine [4, 4]</c> (index to
/// RAS+ mm), <c>nifti_header</c> (the grid, as bytes), <c>alpha</c>, <c>window</c> and <c>block_directions</c>; see <see cref="Sinogram"/>.
/// The same content gives the same bytes: no time and no name is stored.
/// </remarks>
public static class SinogramFile
{
    public const string FileName = "sinogram.npz";

    private static readonly DateTimeOffset NoTime = new(1980, 1, 1, 0, 0, 0, TimeSpan.Zero);

    /// <exception cref="ArgumentException">The arrays' lengths do not fit each other.</exception>
    public static void Write(Stream destination, Sinogram sinogram)
    {
        ArgumentNullException.ThrowIfNull(sinogram);
        var (plan, geometry) = (sinogram.Plan, sinogram.Header.Geometry);
        var (classes, directions, offsets) = (sinogram.Classes.Count, plan.Directions.Count, plan.OffsetCount);
        ArgumentOutOfRangeException.ThrowIfNotEqual(sinogram.Logits.Length, classes * directions * offsets, nameof(sinogram));
        ArgumentOutOfRangeException.ThrowIfNotEqual(sinogram.BlankLogits.Length, classes, nameof(sinogram));
        ArgumentOutOfRangeException.ThrowIfNotEqual(sinogram.Measured.Length, directions * offsets, nameof(sinogram));
        using var zip = new ZipArchive(destination, ZipArchiveMode.Create, leaveOpen: true);
        Add(zip, "logits", "<f4", MemoryMarshal.AsBytes(sinogram.Logits.AsSpan()), classes, directions, offsets);
        Add(zip, "blank_logit", "<f4", MemoryMarshal.AsBytes(sinogram.BlankLogits.AsSpan()), classes);
        AddTexts(zip, "classes", sinogram.Classes, classes);
        Add(zip, "measured", "|b1", MemoryMarshal.AsBytes(sinogram.Measured.AsSpan()), directions, offsets);
        var normals = new double[3 * directions];
        for (var d = 0; d < directions; d++)
        {
            (normals[3 * d], normals[(3 * d) + 1], normals[(3 * d) + 2]) =
                (plan.Directions.Normals[d].X, plan.Directions.Normals[d].Y, plan.Directions.Normals[d].Z);
        }

        Add(zip, "normals", "<f8", MemoryMarshal.AsBytes<double>(normals), directions, 3);
        Add(zip, "weights", "<f8", MemoryMarshal.AsBytes(plan.Directions.Weights), directions);
        Add(zip, "offsets_mm", "<f8", MemoryMarshal.AsBytes<double>(Enumerable.Range(0, offsets).Select(plan.OffsetMm).ToArray()), offsets);
        Add(zip, "centre_mm", "<f8", MemoryMarshal.AsBytes<double>([plan.CentreMm.X, plan.CentreMm.Y, plan.CentreMm.Z]), 3);
        Add(zip, "pixel_mm", "<f8", MemoryMarshal.AsBytes<double>([plan.PixelMm]));
        Add(zip, "slice_size", "<i4", MemoryMarshal.AsBytes<int>([plan.Size]));
        Add(zip, "shape", "<i4", MemoryMarshal.AsBytes<int>([geometry.Shape.I, geometry.Shape.J, geometry.Shape.K]), 3);
        var a = geometry.Affine;
        Add(zip, "affine", "<f8", MemoryMarshal.AsBytes<double>(
        [
            a.I.X, a.J.X, a.K.X, a.Origin.X,
            a.I.Y, a.J.Y, a.K.Y, a.Origin.Y,
            a.I.Z, a.J.Z, a.K.Z, a.Origin.Z,
            0, 0, 0, 1,
        ]), 4, 4);
        var header = sinogram.Header.ToBytes();
        Add(zip, "nifti_header", "|u1", header, header.Length);
        Add(zip, "alpha", "<f8", MemoryMarshal.AsBytes<double>([sinogram.Alpha]));
        AddTexts(zip, "window", [sinogram.Window.Name()]);
        Add(zip, "block_directions", "<i4", MemoryMarshal.AsBytes<int>([sinogram.BlockDirections]));
    }

    /// <summary>Reads a sinogram that was written here, or saved again by NumPy, compressed or not.</summary>
    /// <exception cref="ImagingException">It is missing, damaged or no such file, or its arrays contradict each other.</exception>
    public static Sinogram Read(string path)
    {
        var name = Path.GetFileName(path);
        return SourceFiles.Guard(name, () =>
        {
            using var file = SourceFiles.Open(path);
            return Read(file, name);
        });
    }

    /// <inheritdoc cref="Read(string)"/>
    /// <param name="file">Seekable; left open.</param>
    /// <param name="name">What messages call the file.</param>
    public static Sinogram Read(Stream file, string name)
    {
        ArgumentNullException.ThrowIfNull(file);
        using var arrays = new NpzArrays(file, name);
        return new SinogramReader(arrays, name).Read();
    }

    /// <summary>Adds texts as NumPy stores them: UTF-32, all as long as the longest, filled up with zeros.</summary>
    private static void AddTexts(ZipArchive zip, string name, IReadOnlyList<string> texts, params ReadOnlySpan<int> shape)
    {
        var width = Math.Max(1, texts.Max(text => Encoding.UTF32.GetByteCount(text) / sizeof(int)));
        var bytes = new byte[texts.Count * width * sizeof(int)];
        for (var at = 0; at < texts.Count; at++)
        {
            Encoding.UTF32.GetBytes(texts[at], bytes.AsSpan(at * width * sizeof(int)));
        }

        Add(zip, name, $"<U{width}", bytes, shape);
    }

    /// <summary>Adds one array in NumPy's .npy format, version 1.0.</summary>
    private static void Add(ZipArchive zip, string name, string type, ReadOnlySpan<byte> data, params ReadOnlySpan<int> shape)
    {
        var dimensions = string.Join(", ", shape.ToArray()) + (shape.Length == 1 ? "," : "");
        var header = $"{{'descr': '{type}', 'fortran_order': False, 'shape': ({dimensions}), }}";
        const int Prefix = 10;
        header = header.PadRight((((Prefix + header.Length + 1) + 63) / 64 * 64) - Prefix - 1) + "\n"; // data start at a multiple of 64

        var entry = zip.CreateEntry(name + ".npy", CompressionLevel.Fastest);
        entry.LastWriteTime = NoTime;
        using var stream = entry.Open();
        Span<byte> prefix = [0x93, (byte)'N', (byte)'U', (byte)'M', (byte)'P', (byte)'Y', 1, 0, 0, 0];
        BinaryPrimitives.WriteUInt16LittleEndian(prefix[8..], (ushort)header.Length);
        stream.Write(prefix);
        stream.Write(Encoding.ASCII.GetBytes(header));
        stream.Write(data);
    }
}
