using System.IO.Compression;
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
