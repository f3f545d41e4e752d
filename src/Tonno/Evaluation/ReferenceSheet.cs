using ToNNO.Tonno.Commands;
using ToNNO.Tonno.Sources;

namespace ToNNO.Tonno.Evaluation;

/// <summary>A volume whose lesions are known.</summary>
/// <param name="Name">The volume's file, as the sheet has it.</param>
/// <param name="ImagePath">Full path of the file, which may be gone: then there is no picture.</param>
/// <param name="MaskPath">Full path.</param>
/// <param name="IsValidation">To choose on, not to score.</param>
internal sealed record ReferenceCase(string Name, string ImagePath, string MaskPath, string Patient, bool IsValidation, int Line);

/// <summary>Reads which mask belongs to which volume: a CSV file with the columns file, mask and patient, and at will split.</summary>
/// <param name="HasSplit">False where nothing says which patients to choose on.</param>
internal sealed record ReferenceSheet(string Name, IReadOnlyList<ReferenceCase> Cases, bool HasSplit)
{
    private const string File = "file";
    private const string Mask = "mask";
    private const string Patient = "patient";
    private const string Split = "split";
    private const string Kind = "references";

    /// <param name="root">The folder that file names start from; null for the sheet's own.</param>
    /// <exception cref="CommandException">The sheet cannot be read, contradicts itself, or names masks that are not there.</exception>
    public static ReferenceSheet Read(string path, string? root)
    {
        root ??= Path.GetDirectoryName(Path.GetFullPath(path))!;
        var sheet = Sheet.Read(path, Kind, File, Mask, Patient);
        var hasSplit = sheet.Has(Split);
        var cases = sheet.Rows.Select(row => new ReferenceCase(
            row[File],
            Path.GetFullPath(Path.Combine(root, row[File])),
            Path.GetFullPath(Path.Combine(root, row[Mask])),
            row[Patient],
            hasSplit && row.Either(Split, ("validation", "test")),
            row.Line)).ToList();
        if (cases.GroupBy(one => one.ImagePath, StringComparer.Ordinal).FirstOrDefault(same => same.Count() > 1) is { } twice)
        {
            throw Refused("file_repeated", $"{sheet.Name} names {twice.First().Name} {twice.Count()} times: leave one line for each volume.");
        }

        var missing = cases.Where(one => !System.IO.File.Exists(one.MaskPath)).ToList();
        if (missing.Count > 0)
        {
            throw Refused(
                "files_missing",
                $"{missing.Count} of the {cases.Count} masks that {sheet.Name} names {(missing.Count == 1 ? "is" : "are")} not there, {(missing.Count == 1 ? "" : "the first ")}{missing[0].MaskPath}: correct the names, or give the folder that they start from by --root.");
        }

        if (hasSplit)
        {
            sheet.RequirePatientsOnOneSide(cases.Select(one => (one.Patient, one.IsValidation, one.Line)), "to choose on", "to score");
            foreach (var validation in new[] { true, false })
            {
                if (cases.All(one => one.IsValidation != validation))
                {
                    throw Refused("split_one_side", $"No line of {sheet.Name} has the {Split} {(validation ? "validation" : "test")}: thresholds are chosen on some patients and scored on others. Move some, or leave the column out, and each patient is scored by what the others choose.");
                }
            }
        }

        return new(sheet.Name, cases, hasSplit);
    }

    private static CommandException Refused(string reason, string sentence) => new(ExitCodes.Usage, $"{Kind}.{reason}", sentence);
}
