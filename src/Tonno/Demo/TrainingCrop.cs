using System.Globalization;
using ToNNO.Tomography.Geometry;
using ToNNO.Tonno.Commands;

namespace ToNNO.Tonno.Demo;

/// <summary>A crop of a training volume and its one label: whether any tumour lies in it.</summary>
internal sealed record TrainingCrop(string CaseId, bool HasTumour, CropBox Box)
{
    private const string Header = "case,label,start_i,start_j,start_k,size_i,size_j,size_k";

    /// <exception cref="CommandException">A line is not a crop.</exception>
    public static IReadOnlyList<TrainingCrop> Parse(string csv)
    {
        var lines = csv.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        return lines is [Header, _, ..]
            ? [.. lines.Skip(1).Select((line, index) => ParseLine(line) ?? throw Invalid($"line {index + 2} is no crop"))]
            : throw Invalid($"it does not begin with {Header}");
    }

    public static string Format(IEnumerable<TrainingCrop> crops) => string.Concat(crops
        .Select(crop => string.Create(
            CultureInfo.InvariantCulture,
            $"{crop.CaseId},{(crop.HasTumour ? 1 : 0)},{crop.Box.Start.I},{crop.Box.Start.J},{crop.Box.Start.K},{crop.Box.Shape.I},{crop.Box.Shape.J},{crop.Box.Shape.K}"))
        .Prepend(Header)
        .Select(line => line + '\n'));

    private static TrainingCrop? ParseLine(string line)
    {
        var fields = line.Split(',');
        var numbers = fields.Skip(1)
            .Select(field => int.TryParse(field, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : -1).ToArray();
        return fields.Length == 8 && numbers is [0 or 1, >= 0, >= 0, >= 0, >= 2, >= 2, >= 2]
            ? new(fields[0], numbers[0] == 1, new(new(numbers[1], numbers[2], numbers[3]), new(numbers[4], numbers[5], numbers[6])))
            : null;
    }

    private static CommandException Invalid(string what) =>
        new(ExitCodes.NothingDone, "demo.crops_invalid", $"samples/pet/crops.csv is damaged, {what}: restore it from the repository.");
}

/// <summary>A crop's voxels and its label: all that training sees.</summary>
internal sealed record LabelledVolume(Volume Volume, bool HasTumour)
{
    /// <summary>Cuts the crops from their images. Masks are not opened, nor need they be there.</summary>
    /// <exception cref="CommandException">A sample is missing or damaged.</exception>
    public static IReadOnlyList<LabelledVolume> Load(SampleCases samples, IReadOnlyList<TrainingCrop> crops)
    {
        var images = crops.Select(crop => crop.CaseId).Distinct().ToDictionary(id => id, id => samples.Image(id).Volume);
        return [.. crops.Select(crop => crop.Box.Fits(images[crop.CaseId].Geometry.Shape)
            ? new LabelledVolume(crop.Box.Cut(images[crop.CaseId]), crop.HasTumour)
            : throw new CommandException(
                ExitCodes.NothingDone, "demo.crops_invalid", $"samples/pet/crops.csv names a crop outside {crop.CaseId}: restore it from the repository."))];
    }
}
