using System.Globalization;
using ToNNO.Imaging.Nifti;

namespace ToNNO.Cohort;

/// <summary>How many volumes are for what; half of those to learn from and to validate on hold lesions, all of the test's do.</summary>
public sealed record CohortSizes(int Training = 200, int Validation = 60, int Test = 60);

/// <summary>A seeded cohort of made-up scans, each another patient's, as files.</summary>
public static class SyntheticCohort
{
    /// <summary>Writes <c>images/</c>, <c>masks/</c> (of those that hold lesions and are not to learn from), <c>labels.csv</c> for
    /// <c>tonno train</c> and <c>references.csv</c> for <c>tonno evaluate</c>.</summary>
    /// <param name="folder">Written into; files of the same names are replaced.</param>
    /// <param name="seed">Another gives other patients.</param>
    public static void Write(string folder, CohortSizes sizes, int seed)
    {
        ArgumentNullException.ThrowIfNull(sizes);
        Directory.CreateDirectory(Path.Combine(folder, "images"));
        Directory.CreateDirectory(Path.Combine(folder, "masks"));
        var patients = Enumerable.Range(0, sizes.Training + sizes.Validation + sizes.Test).Select(number => new Patient(
            string.Create(CultureInfo.InvariantCulture, $"s{number:000}"),
            number < sizes.Training ? "train" : number < sizes.Training + sizes.Validation ? "validation" : "test",
            number >= sizes.Training + sizes.Validation || number % 2 == 0,
            (1_000_000 * seed) + number)).ToList();
        Parallel.ForEach(patients, patient =>
        {
            var volume = SyntheticVolume.Make(patient.Seed, patient.HasLesions);
            var header = NiftiHeader.Create(SyntheticVolume.Geometry);
            Write(Path.Combine(folder, patient.Image), file => NiftiWriter.ForHeatmap(file, header, 0, 2, "ToNNO synthetic scan", compress: true), writer => writer.Append(volume.Image));
            if (patient.HasReference)
            {
                Write(Path.Combine(folder, patient.Mask), file => NiftiWriter.ForMask(file, header, "ToNNO synthetic lesions", compress: true), writer => writer.Append(volume.Mask));
            }
        });
        File.WriteAllLines(
            Path.Combine(folder, "labels.csv"),
            ["file,label,patient,split", .. patients.Where(patient => patient.Split != "test").Select(patient => $"{patient.Image},{(patient.HasLesions ? "yes" : "no")},{patient.Id},{patient.Split}")]);
        File.WriteAllLines(
            Path.Combine(folder, "references.csv"),
            ["file,mask,patient,split", .. patients.Where(patient => patient.HasReference).Select(patient => $"{patient.Image},{patient.Mask},{patient.Id},{patient.Split}")]);
    }

    private static void Write(string path, Func<Stream, NiftiWriter> begin, Action<NiftiWriter> append)
    {
        using var file = File.Create(path);
        using var writer = begin(file);
        append(writer);
        writer.Complete();
    }

    private sealed record Patient(string Id, string Split, bool HasLesions, int Seed)
    {
        public string Image => $"images/{Id}.nii.gz";

        public string Mask => $"masks/{Id}.nii.gz";

        public bool HasReference => HasLesions && Split != "train";
    }
}
