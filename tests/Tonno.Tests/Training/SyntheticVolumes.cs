using System.Globalization;
using ToNNO.Tests.Support;
using ToNNO.Tomography.Geometry;

namespace ToNNO.Tonno.Tests.Training;

/// <summary>Small volumes of noise, half of them with a bright ball somewhere, and their labels.</summary>
internal static class SyntheticVolumes
{
    /// <summary>Writes one volume for each patient, every other one positive.</summary>
    /// <returns>The path of the labels.</returns>
    public static string Write(string folder, int patients = 12)
    {
        Directory.CreateDirectory(folder);
        var labels = new List<string> { "file,label,patient" };
        for (var patient = 0; patient < patients; patient++)
        {
            var name = string.Create(CultureInfo.InvariantCulture, $"v{patient}.nii");
            File.WriteAllBytes(Path.Combine(folder, name), Volume(patient, patient % 2 == 0).Plain());
            labels.Add(string.Create(CultureInfo.InvariantCulture, $"{name},{(patient % 2 == 0 ? "yes" : "no")},P{patient}"));
        }

        var path = Path.Combine(folder, "labels.csv");
        File.WriteAllLines(path, labels);
        return path;
    }

    public static NiftiBytes Volume(int seed, bool isPositive)
    {
        var random = new Random(seed);
        var shape = new VolumeShape(16, 15, 14);
        var noise = new float[shape.VoxelCount];
        foreach (ref var value in noise.AsSpan())
        {
            value = random.NextSingle();
        }

        var (x, y, z) = (random.Next(4, 12), random.Next(4, 11), random.Next(4, 10));
        return new NiftiBytes
        {
            Shape = shape,
            Affine = AffineTransform.Scaling(2, 2, 2),
            Intensity = (i, j, k) => noise[i + (shape.I * (j + (shape.J * k)))]
                + (isPositive && Math.Pow(i - x, 2) + Math.Pow(j - y, 2) + Math.Pow(k - z, 2) < 12 ? 2 : 0),
        };
    }
}
