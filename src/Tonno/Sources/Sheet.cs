using System.Globalization;
using System.Text;
using CsvHelper;
using CsvHelper.Configuration;
using ToNNO.Tonno.Commands;

namespace ToNNO.Tonno.Sources;

/// <summary>A CSV file that the user wrote: named columns, one line for each volume.</summary>
/// <param name="kind">What it holds, in one word: the first part of reason codes.</param>
internal sealed class Sheet(string name, string kind, IReadOnlyList<string> header, IReadOnlyList<Sheet.Row> rows)
{
    /// <summary>The file's name, for messages.</summary>
    public string Name => name;

    public IReadOnlyList<Row> Rows => rows;

    public bool Has(string column) => header.Contains(column);

    /// <param name="needed">Columns without which the file says nothing; the first names the volume. None may be empty in any line.</param>
    /// <exception cref="CommandException">The file cannot be read, lacks a column or a value, or has no line.</exception>
    public static Sheet Read(string path, string kind, params IReadOnlyList<string> needed)
    {
        var name = Path.GetFileName(path);
        CommandException Refused(string reason, string sentence) => new(ExitCodes.Usage, $"{kind}.{reason}", sentence);
        try
        {
            // Not told by its first bytes: that would be read leniently.
            using var text = new StreamReader(path, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true), detectEncodingFromByteOrderMarks: false);
            _ = text.Peek() == '\uFEFF' ? text.Read() : 0;
            using var reader = new CsvReader(text, new CsvConfiguration(CultureInfo.InvariantCulture) { TrimOptions = TrimOptions.Trim, DetectColumnCountChanges = true });
            var columns = $"its first line must name the columns {string.Join(", ", needed.SkipLast(1))} and {needed[^1]}";
            if (!reader.Read())
            {
                throw Refused("column_missing", $"{name} is empty: {columns}.");
            }

            reader.ReadHeader();
            var header = reader.HeaderRecord!;
            if (needed.FirstOrDefault(column => !header.Contains(column)) is { } missing)
            {
                throw Refused("column_missing", $"{name} has no column {missing}: {columns}.");
            }

            if (header.FirstOrDefault(column => header.Count(other => other == column) > 1) is { } repeated)
            {
                throw Refused("unreadable", $"{name} has two columns named {repeated}: give each its own name.");
            }

            var rows = new List<Row>();
            while (reader.Read())
            {
                var line = reader.Parser.RawRow;
                if (needed.FirstOrDefault(column => reader.GetField(column) is null or "") is { } empty)
                {
                    var which = empty != needed[0] && reader.GetField(needed[0]) is { Length: > 0 } volume ? $", of {volume}," : "";
                    throw Refused("incomplete", $"Line {line} of {name}{which} has no {empty}: fill it in, or remove the line.");
                }

                rows.Add(new(name, kind, line, header.ToDictionary(column => column, column => reader.GetField(column)!)));
            }

            return rows.Count > 0 ? new(name, kind, header, rows) : throw Refused("incomplete", $"{name} names no volume: add a line for each.");
        }
        catch (BadDataException malformed)
        {
            throw Refused(
                "unreadable", $"Line {malformed.Context?.Parser?.RawRow} of {name} cannot be read as CSV: give it as many values as the first line has names, with commas between them, and quotes in pairs.");
        }
        catch (DecoderFallbackException)
        {
            throw Refused("unreadable", $"{name} is no text in UTF-8: save it as CSV in UTF-8.");
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw Refused("unreadable", $"The {kind} {path} cannot be read: {error.Message}");
        }
    }

    /// <summary>Refuses a patient with lines on both sides of a split.</summary>
    /// <param name="one">What a true side is for, as in "to learn from".</param>
    /// <param name="other">What the other is for.</param>
    /// <exception cref="CommandException">There is one.</exception>
    public void RequirePatientsOnOneSide(IEnumerable<(string Patient, bool Side, int Line)> split, string one, string other)
    {
        foreach (var patient in split.GroupBy(row => row.Patient, StringComparer.Ordinal))
        {
            if (patient.Where(row => row.Side).Select(row => row.Line).FirstOrDefault() is > 0 and var first
                && patient.Where(row => !row.Side).Select(row => row.Line).FirstOrDefault() is > 0 and var second)
            {
                // Lines, not the patient's name: what is printed may be kept.
                throw new CommandException(
                    ExitCodes.Usage,
                    $"{kind}.patient_on_both_sides",
                    $"Lines {Math.Min(first, second)} and {Math.Max(first, second)} of {name} are of one patient, the one {(first < second ? one : other)} and the other {(first < second ? other : one)}: put all of a patient on one side, or the score is worth nothing.");
            }
        }
    }

    /// <param name="Line">In the file, from 1.</param>
    internal sealed record Row(string Sheet, string Kind, int Line, IReadOnlyDictionary<string, string> Values)
    {
        public string this[string column] => Values[column];

        /// <summary>True for the first word of one of the pairs, false for the second, in any case.</summary>
        /// <exception cref="CommandException">It is neither.</exception>
        public bool Either(string column, params IReadOnlyList<(string Yes, string No)> words)
        {
            var value = Values[column];
            foreach (var (yes, no) in words)
            {
                if (value.Equals(yes, StringComparison.OrdinalIgnoreCase) || value.Equals(no, StringComparison.OrdinalIgnoreCase))
                {
                    return value.Equals(yes, StringComparison.OrdinalIgnoreCase);
                }
            }

            throw new CommandException(
                ExitCodes.Usage,
                $"{Kind}.invalid",
                $"Line {Line} of {Sheet} has the {column} '{value}': write {string.Join(", or ", words.Select(word => $"{word.Yes} or {word.No}"))}.");
        }
    }
}
