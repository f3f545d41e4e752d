using System.Globalization;
using ToNNO.Imaging.Nifti;
using ToNNO.Tomography.Geometry;
using ToNNO.Tonno.Demo;
using ToNNO.Tonno.Tests.Demo;

namespace ToNNO.Bench;

/// <summary>A patient of ibsi-sts: crops, each with its yes or no, of which training is told, and the volume to score.</summary>
/// <param name="Intensity">How the patient's intensities become pixels.</param>
internal sealed record RealPatient(IReadOnlyList<LabelledVolume> Crops, IntensityMap Intensity, Volume Volume, byte[] Reference);

/// <summary>The patients of one modality of ibsi-sts.</summary>
internal static class RealCohort
{
    /// <param name="pairs">Pairs of crops of each patient, or as many as there is room for: none where a tumour leaves none.</param>
    /// <param name="window">Intensities, or null for percentiles 0.5 and 99.5 of each volume, as MR has no unit.</param>
    public static IReadOnlyList<RealPatient> Load(string modality, int pairs, IntensityMap? window)
    {
        var data = Path.Combine(Environment.GetEnvironmentVariable("TONNO_HOME")!, "..", "shared", "data", "ibsi-sts");
        var ids = File.ReadLines(Path.Combine(data, "cases.csv")).Select(line => line.Split(',')).Where(fields => fields[1] == modality).Select(fields => fields[0]);
        return [.. ids.Order(StringComparer.Ordinal).Select(id => Read(Path.Combine(data, "nifti", id, modality), id, pairs, window))];
    }

    private static RealPatient Read(string path, string id, int pairs, IntensityMap? window)
    {
        var image = NiftiReader.Read($"{path}_image.nii.gz", long.MaxValue);
        var outline = NiftiReader.Read($"{path}_mask.nii.gz", long.MaxValue);
        outline.Header.RequireSameGrid(image.Header, $"The mask of {id}");
        var mask = Array.ConvertAll(outline.Volume.Samples.AsFloats(), value => value > 0 ? (byte)1 : (byte)0);
        var number = int.Parse(id.AsSpan(id.LastIndexOf('_') + 1), CultureInfo.InvariantCulture);
        var crops = CropGenerator.Pairs(id, image.Header, mask, pairs, new Random(number));
        var box = OffCentreCase.Box(mask, image.Volume.Geometry, new Random(1000 + number));
        return new RealPatient(
            [.. crops.Select(crop => new LabelledVolume(crop.Box.Cut(image.Volume), crop.HasTumour))],
            window ?? OwnWindow(image.Volume),
            box.Cut(image.Volume),
            box.Cut<byte>(mask, image.Header.Shape));
    }

    private static IntensityMap OwnWindow(Volume volume)
    {
        var statistics = new IntensityStatistics();
        statistics.Append(volume.Samples.AsFloats());
        return statistics.Resolve(new IntensityMap(0.5f, 99.5f, 0, Rule: new WindowRule(WindowUnit.Percentile, BesidesFill: false)))!;
    }
}
