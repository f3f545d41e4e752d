using System.Globalization;

namespace ToNNO.Bench;

/// <summary>Copies of the sample PET volumes, as many as wanted, named anew for each run, so that no other run's results stand for them.</summary>
internal static class SampleVolumes
{
    private static readonly string[] _samples = [.. Directory
        .EnumerateFiles(Path.Combine(Environment.GetEnvironmentVariable("TONNO_HOME")!, "samples", "pet", "images"), "*.nii.gz").Order(StringComparer.Ordinal)];

    /// <summary>Different ones.</summary>
    public static int Count => _samples.Length;

    /// <summary>Id of the volume that a run makes of a copy.</summary>
    public static string IdOf(string run, int at) => string.Create(CultureInfo.InvariantCulture, $"{run}-v{at:D4}");

    /// <summary>Writes the copies of a run: the samples in turn.</summary>
    public static void Copy(string folder, string run, int count)
    {
        Directory.CreateDirectory(folder);
        for (var at = 0; at < count; at++)
        {
            File.Copy(_samples[at % _samples.Length], Path.Combine(folder, $"{IdOf(run, at)}.nii.gz"));
        }
    }
}
