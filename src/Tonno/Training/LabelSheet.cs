using System.Globalization;
using System.Text;
using CsvHelper;
using CsvHelper.Configuration;
using ToNNO.Tonno.Commands;

namespace ToNNO.Tonno.Training;

/// <summary>Reads the labels of volumes: a CSV file with the columns file, label and patient, and at will split.</summary>
internal static class LabelSheet
{
    private const string File = "file";
    private const string Label = "label";
    private const string Patient = "patient";
    private const string Split = "split";

    /// <param name="path">The CSV file.</param>
    /// <param name="root">The folder that its file names start from; null for its own.</param>
    /// <param name="share">Share of the patients to validate on; null to go by the column split.</param>
    /// <param name="seed">Decides which patients, where the column does not.</param>
    /// <exception cref="CommandException">The labels cannot be read, contradict themselves, or do not do for a training.</exception>
    public static Cohort Read(string path, string? root, double? share, int seed)
    {
        var name = Path.GetFileName(path);
        var rows = Rows(path, name, root ?? Path.GetDirectoryName(Path.GetFullPath(path))!, share is null);
        RequireSound(name, rows);
        var validation = share is { } given ? PatientSplit.Validation(rows.ConvertAll(row => row.File), given, seed) : BySheet(name, rows);
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
    public static bool HasSplit(string path) => Parse(path, Path.GetFileName(path), reader => reader.HeaderRecord!.Contains(Split));

    private static List<Row> Rows(string path, string name, string root, bool bySheet) => Parse(path, name, reader =>
    {
        string[] needed = bySheet ? [File, Label, Patient, Split] : [File, Label, Patient];
        if (needed.FirstOrDefault(column => !reader.HeaderRecord!.Contains(column)) is { } missing)
        {
            throw Refused(
                "labels.column_missing",
                $"{name} has no column {missing}: its first line must name the columns {File}, {Label} and {Patient}, and {Split} where that is to decide.");
        }

        var rows = new List<Row>();
        while (reader.Read())
        {
            var line = reader.Parser.RawRow;
            if (needed.FirstOrDefault(column => reader.GetField(column) is null or "") is { } empty)
            {
                var which = empty != File && reader.GetField(File) is { Length: > 0 } file ? $", of {file}," : "";
                throw Refused("labels.incomplete", $"Line {line} of {name}{which} has no {empty}: fill it in, or remove the line.");
            }

            rows.Add(new(
                new LabelledFile(
                    Path.GetFullPath(Path.Combine(root, reader.GetField(File)!)),
                    reader.GetField(File)!,
                    YesOrNo(name, line, Label, reader.GetField(Label)!, ("1", "0"), ("yes", "no")),
                    reader.GetField(Patient)!),
                bySheet && YesOrNo(name, line, Split, reader.GetField(Split)!, ("validation", "train")),
                line));
        }

        return rows.Count > 0 ? rows : throw Refused("labels.incomplete", $"{name} names no volume: add a line for each.");
    });

    private static T Parse<T>(string path, string name, Func<CsvReader, T> read)
    {
        try
        {
            using var text = new StreamReader(path, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true));
            using var reader = new CsvReader(text, new CsvConfiguration(CultureInfo.InvariantCulture) { TrimOptions = TrimOptions.Trim, DetectColumnCountChanges = true });
            if (!reader.Read())
            {
                throw Refused("labels.column_missing", $"{name} is empty: its first line must name the columns {File}, {Label} and {Patient}.");
            }

            reader.ReadHeader();
            return read(reader);
        }
        catch (BadDataException malformed)
        {
            throw Refused(
                "labels.unreadable", $"Line {malformed.Context?.Parser?.RawRow} of {name} cannot be read as CSV: give it as many values as the first line has names, with commas between them, and quotes in pairs.");
        }
        catch (DecoderFallbackException)
        {
            throw Refused("labels.unreadable", $"{name} is no text in UTF-8: save it as CSV in UTF-8.");
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw Refused("labels.unreadable", $"The labels {path} cannot be read: {error.Message}");
        }
    }

    private static bool YesOrNo(string name, int line, string column, string value, params (string Yes, string No)[] words)
    {
        foreach (var (yes, no) in words)
        {
            if (value.Equals(yes, StringComparison.OrdinalIgnoreCase) || value.Equals(no, StringComparison.OrdinalIgnoreCase))
            {
                return value.Equals(yes, StringComparison.OrdinalIgnoreCase);
            }
        }

        throw Refused(
            "labels.invalid", $"Line {line} of {name} has the {column} '{value}': write {string.Join(", or ", words.Select(word => $"{word.Yes} or {word.No}"))}.");
    }

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

    private static HashSet<string> BySheet(string name, List<Row> rows)
    {
        foreach (var patient in rows.GroupBy(row => row.File.Patient, StringComparer.Ordinal))
        {
            if (patient.FirstOrDefault(row => row.IsValidation) is { } validated && patient.FirstOrDefault(row => !row.IsValidation) is { } learned)
            {
                // Lines, not the patient's name: what is printed may be kept.
                throw Refused(
                    "labels.patient_on_both_sides",
                    $"Lines {learned.Line} and {validated.Line} of {name} are of one patient, the one to learn from and the other to validate on: put all of a patient on one side, or the score is worth nothing.");
            }
        }

        return [.. rows.Where(row => row.IsValidation).Select(row => row.File.Patient)];
    }

    private static CommandException Refused(string code, string message) => new(ExitCodes.Usage, code, message);

    private sealed record Row(LabelledFile File, bool IsValidation, int Line);
}
