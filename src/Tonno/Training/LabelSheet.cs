using ToNNO.Tonno.Commands;
using ToNNO.Tonno.Sources;

namespace ToNNO.Tonno.Training;

/// <summary>Reads the labels of volumes: a CSV file with the columns file, label and patient, and at will split.</summary>
internal static class LabelSheet
{
    private const string File = "file";
    private const string Label = "label";
    private const string Patient = "patient";
    private const string Split = "split";
    private const string Kind = "labels";
    private static readonly string[] Columns = [File, Label, Patient];

    /// <param name="path">The CSV file.</param>
    /// <param name="root">The folder that its file names start from; null for its own.</param>
    /// <param name="share">Share of the patients to validate on; null to go by the column split.</param>
    /// <param name="seed">Decides which patients, where the column does not.</param>
    /// <exception cref="CommandException">The labels cannot be read, contradict themselves, or do not do for a training.</exception>
    public static Cohort Read(string path, string? root, double? share, int seed)
    {
        var name = Path.GetFileName(path);
        var sheet = Sheet.Read(path, Kind, share is null ? [.. Columns, Split] : Columns);
        var rows = Rows(sheet, root ?? Path.GetDirectoryName(Path.GetFullPath(path))!, share is null);
        RequireSound(name, rows);
        if (share is null)
        {
            sheet.RequirePatientsOnOneSide(rows.Select(row => (row.File.Patient, !row.IsValidation, row.Line)), "to learn from", "to validate on");
        }

        var validation = share is { } given
            ? PatientSplit.Validation(rows.ConvertAll(row => row.File), given, seed)
            : [.. rows.Where(row => row.IsValidation).Select(row => row.File.Patient)];
        var cohort = new Cohort(
            [.. rows.Select(row => row.File).Where(file => !validation.Contains(file.Patient))],
            [.. rows.Select(row => row.File).Where(file => validation.Contains(file.Patient))]);
        foreach (var (files, part) in new[] { (cohort.Validation, "validate on"), (cohort.Training, "learn from") })
        {
            foreach (var positive in new[] { true, false })
            {
                if (!files.Any(file => file.IsPositive == positive))
                {
                    throw Refused(
                        "labels.split_one_class",
                        $"No patient to {part} has a volume that is labelled {(positive ? "yes" : "no")}: add patients, or move some by the column {Split} or --validation.");
                }
            }
        }

        return cohort;
    }

    /// <summary>True where the file's header has the column split.</summary>
    /// <exception cref="CommandException">The file cannot be read.</exception>
    public static bool HasSplit(string path) => Sheet.Read(path, Kind, Columns).Has(Split);

    private static List<Row> Rows(Sheet sheet, string root, bool bySheet) =>
    [
        .. sheet.Rows.Select(row => new Row(
            new LabelledFile(
                Path.GetFullPath(Path.Combine(root, row[File])),
                row[File],
                row.Either(Label, ("1", "0"), ("yes", "no")),
                row[Patient]),
            bySheet && row.Either(Split, ("validation", "train")),
            row.Line)),
    ];

    private static void RequireSound(string name, List<Row> rows)
    {
        var missing = rows.Where(row => !System.IO.File.Exists(row.File.Path)).ToList();
        if (missing.Count > 0)
        {
            throw Refused(
                "labels.files_missing",
                $"{missing.Count} of the {rows.Count} files that {name} names {(missing.Count == 1 ? "is" : "are")} not there, {(missing.Count == 1 ? "" : "the first ")}{missing[0].File.Path}: correct the names, or give the folder that they start from by --root.");
        }

        if (rows.GroupBy(row => row.File.Path, StringComparer.Ordinal).FirstOrDefault(same => same.Count() > 1) is { } twice)
        {
            throw Refused("labels.file_repeated", $"{name} names {twice.First().File.Name} {twice.Count()} times: leave one line for each volume.");
        }

        if (rows.All(row => row.File.IsPositive == rows[0].File.IsPositive))
        {
            throw Refused(
                "labels.one_class", $"All {rows.Count} volumes of {name} are labelled {(rows[0].File.IsPositive ? "yes" : "no")}: to learn a difference takes volumes of both kinds.");
        }
    }

    private static CommandException Refused(string code, string message) => new(ExitCodes.Usage, code, message);

    private sealed record Row(LabelledFile File, bool IsValidation, int Line);
}
