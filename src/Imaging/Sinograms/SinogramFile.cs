using System.Buffers.Binary;
using System.IO.Compression;
using System.Runtime.InteropServices;
using System.Text;
using ToNNO.Tomography.Geometry;
using ToNNO.Tomography.Sampling;

namespace ToNNO.Imaging.Sinograms;

/// <summary>Writes a sinogram as a NumPy <c>.npz</c>: <c>numpy.load</c> gives all that is needed to filter and backproject again.</summary>
/// <remarks>The same content gives the same bytes: no time and no name is stored.</remarks>
public static class SinogramFile
{
    public const string FileName = "sinogram.npz";

    private static readonly DateTimeOffset NoTime = new(1980, 1, 1, 0, 0, 0, TimeSpan.Zero);

    /// <summary>Writes the arrays <c>logits [P, O]</c>, <c>measured [P, O]</c> (0 where a logit was taken from neighbouring directions), <c>blank_logit</c>, <c>normals [P, 3]</c>, <c>weights [P]</c> (sum 1),
    /// <c>offsets_mm [O]</c>, <c>centre_mm [3]</c>, <c>shape [3]</c> (i, j, k) and <c>affine [4, 4]</c> (index to RAS+ mm).</summary>
    /// <param name="logits">Logits <c>[direction, offset]</c>.</param>
    /// <param name="measured">Which of them were measured.</param>
    public static void Write(
        Stream destination, ReadOnlySpan<float> logits, ReadOnlySpan<bool> measured, float blankLogit, SamplingPlan plan, VolumeGeometry geometry)
    {
        var (directions, offsets) = (plan.Directions.Count, plan.OffsetCount);
        ArgumentOutOfRangeException.ThrowIfNotEqual(logits.Length, directions * offsets, nameof(logits));
        ArgumentOutOfRangeException.ThrowIfNotEqual(measured.Length, logits.Length, nameof(measured));
        using var zip = new ZipArchive(destination, ZipArchiveMode.Create, leaveOpen: true);
        Add(zip, "logits", "<f4", MemoryMarshal.AsBytes(logits), directions, offsets);
        Add(zip, "measured", "|b1", MemoryMarshal.AsBytes(measured), directions, offsets);
        Add(zip, "blank_logit", "<f4", MemoryMarshal.AsBytes<float>([blankLogit]));
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
        Add(zip, "shape", "<i4", MemoryMarshal.AsBytes<int>([geometry.Shape.I, geometry.Shape.J, geometry.Shape.K]), 3);
        var a = geometry.Affine;
        Add(zip, "affine", "<f8", MemoryMarshal.AsBytes<double>(
        [
            a.I.X, a.J.X, a.K.X, a.Origin.X,
            a.I.Y, a.J.Y, a.K.Y, a.Origin.Y,
            a.I.Z, a.J.Z, a.K.Z, a.Origin.Z,
            0, 0, 0, 1,
        ]), 4, 4);
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
