using System.IO.Compression;
using System.Runtime.InteropServices;
using System.Text;
using ToNNO.Imaging.Nifti;
using ToNNO.Imaging.Sinograms;
using ToNNO.Tomography.Filtering;
using ToNNO.Tomography.Geometry;
using ToNNO.Tomography.Sampling;

namespace ToNNO.Imaging.Tests.Sinograms;

/// <summary>A sinogram of two classes on a small oblique grid, and the arrays of its file as bytes.</summary>
internal static class SinogramFixture
{
    public const int Directions = 5;

    public static Sinogram Make()
    {
        var header = NiftiHeader.Create(new VolumeGeometry(new(4, 3, 2), new(new(0.9, 0.1, 0), new(-0.1, 1.2, 0), new(0, 0.2, 2), new(-7, 8, 9.5))));
        var plan = SamplingPlan.For(header.Geometry, DirectionSet.Create(DirectionSetKind.Rings, 8), 0.7, 0.35).FirstDirections(Directions);
        var random = new Random(1);
        var logits = new float[2 * Directions * plan.OffsetCount];
        var measured = new bool[Directions * plan.OffsetCount];
        for (var at = 0; at < logits.Length; at++)
        {
            logits[at] = (2 * random.NextSingle()) - 1;
        }

        for (var at = 0; at < measured.Length; at++)
        {
            measured[at] = random.Next(3) > 0;
        }

        return new Sinogram
        {
            Classes = ["tumour", "Ödem 𝛼"],
            Logits = logits,
            BlankLogits = [-0.25f, 0.125f],
            Measured = measured,
            Plan = plan,
            Header = header,
            Alpha = 0.5,
            Window = FilterWindow.ThreePoint,
            BlockDirections = 8,
        };
    }

    public static byte[] Bytes(Sinogram sinogram)
    {
        using var file = new MemoryStream();
        SinogramFile.Write(file, sinogram);
        return file.ToArray();
    }

    /// <summary>A zip file of arrays.</summary>
    public static byte[] Npz(Dictionary<string, byte[]> arrays, CompressionLevel level = CompressionLevel.Fastest)
    {
        using var file = new MemoryStream();
        using (var zip = new ZipArchive(file, ZipArchiveMode.Create, leaveOpen: true))
        {
            foreach (var (name, content) in arrays)
            {
                using var stream = zip.CreateEntry(name, level).Open();
                stream.Write(content);
            }
        }

        return file.ToArray();
    }

    /// <summary>An array in NumPy's format.</summary>
    public static byte[] Npy<T>(string type, string shape, params T[] data)
        where T : unmanaged
    {
        var header = $"{{'descr': '{type}', 'fortran_order': False, 'shape': {shape}, }}";
        return [0x93, .. "NUMPY"u8, 1, 0, (byte)header.Length, (byte)(header.Length >> 8), .. Encoding.ASCII.GetBytes(header), .. MemoryMarshal.AsBytes(data.AsSpan())];
    }

    public static Sinogram Read(byte[] npz)
    {
        using var file = new MemoryStream(npz);
        return SinogramFile.Read(file, "s.npz");
    }

    /// <summary>Fails unless two sinograms are the same to the last bit.</summary>
    public static void AssertSame(Sinogram expected, Sinogram actual)
    {
        Assert.Equal(expected.Classes, actual.Classes);
        Assert.Equal(expected.Logits, actual.Logits);
        Assert.Equal(expected.BlankLogits, actual.BlankLogits);
        Assert.Equal(expected.Measured, actual.Measured);
        Assert.Equal(expected.Plan.Directions.Normals.ToArray(), actual.Plan.Directions.Normals.ToArray());
        Assert.Equal(expected.Plan.Directions.Weights.ToArray(), actual.Plan.Directions.Weights.ToArray());
        Assert.Equal(
            (expected.Plan.CentreMm, expected.Plan.SpacingMm, expected.Plan.OffsetCount, expected.Plan.PixelMm, expected.Plan.Size, expected.Plan.CutsOff),
            (actual.Plan.CentreMm, actual.Plan.SpacingMm, actual.Plan.OffsetCount, actual.Plan.PixelMm, actual.Plan.Size, actual.Plan.CutsOff));
        actual.Header.RequireSameGrid(expected.Header, "s.npz");
        Assert.Equal(expected.Header.Geometry, actual.Header.Geometry);
        Assert.Equal((expected.Alpha, expected.Window, expected.BlockDirections), (actual.Alpha, actual.Window, actual.BlockDirections));
    }

    /// <summary>The content of the arrays by their names.</summary>
    public static Dictionary<string, byte[]> Arrays(byte[] npz)
    {
        using var zip = new ZipArchive(new MemoryStream(npz));
        return zip.Entries.ToDictionary(entry => entry.FullName, entry =>
        {
            using var content = new MemoryStream();
            using var stream = entry.Open();
            stream.CopyTo(content);
            return content.ToArray();
        });
    }
}
