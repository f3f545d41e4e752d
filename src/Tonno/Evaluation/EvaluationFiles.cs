using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using CsvHelper;
using ToNNO.Tonno.Commands;

namespace ToNNO.Tonno.Evaluation;

/// <summary>Writes an evaluation into a folder: <c>evaluation.json</c>, <c>cases.csv</c> and <c>index.html</c>.</summary>
internal static class EvaluationFiles
{
    private const string Json = "evaluation.json";
    private const string Csv = "cases.csv";
    private const string Page = "index.html";

    private static readonly JsonSerializerOptions Options = new(JsonSerializerDefaults.Web) { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, Converters = { new JsonStringEnumConverter(JsonNamingPolicy.CamelCase) } };

    /// <summary>Refuses a folder before any work is done for it.</summary>
    /// <exception cref="CommandException">It is a file.</exception>
    public static void RequireFolder(string folder)
    {
        if (File.Exists(folder))
        {
            throw new CommandException(ExitCodes.Usage, "output.invalid", $"{folder} is a file: name a folder.");
        }
    }

    /// <summary>Writes all three, each whole before it bears its name.</summary>
    /// <exception cref="CommandException">They cannot be written.</exception>
    public static void Write(string folder, EvaluationReport report, string page)
    {
        try
        {
            Directory.CreateDirectory(folder);
            foreach (var (name, text) in new[] { (Csv, CsvOf(report)), (Page, page), (Json, JsonOf(report)) })
            {
                var temporary = Path.Combine(folder, $".{name}.{Guid.NewGuid():N}.tmp");
                try
                {
                    File.WriteAllText(temporary, text);
                    File.Move(temporary, Path.Combine(folder, name), overwrite: true);
                }
                finally
                {
                    File.Delete(temporary);
                }
            }
        }
        catch (Exception failed) when (failed is IOException or UnauthorizedAccessException)
        {
            throw new CommandException(ExitCodes.Usage, "output.unwritable", $"The folder {folder} cannot be written: {failed.Message}");
        }
    }

    private static string JsonOf(EvaluationReport report) => JsonSerializer.Serialize(
        new
        {
            version = 1,
            report.Volumes,
            report.Patients,
            thresholds = report.Choosing,
            methods = report.Methods.Select(method => new
            {
                method.Name,
                chosen = method.Choices.Select(choice => new { choice.Choice, choice.Patients }),
                scores = Estimates(method.Estimates),
            }),
            differences = report.Pairs.Select(pair => new { pair.One, pair.Other, scores = Estimates(pair.Differences) }),
            sweeps = report.Sweeps.Select(sweep => new
            {
                sweep.Name,
                rows = sweep.Rows.Select(row => new
                {
                    row.Variant.Alpha,
                    window = row.Variant.Window is { } window ? Tomography.Filtering.FilterWindows.Name(window) : null,
                    directions = row.Variant.Share,
                    dice = Known(row.MeanDice),
                    diceOwnBest = Known(row.MeanOwnBest),
                }),
            }),
        },
        Options) + "\n";

    private static Dictionary<string, object> Estimates(IReadOnlyDictionary<string, Estimate> estimates) => estimates.ToDictionary(
        pair => pair.Key,
        pair => (object)new { mean = Known(pair.Value.Mean), low = Known(pair.Value.Low), high = Known(pair.Value.High), pair.Value.Patients });

    private static double? Known(double value) => double.IsFinite(value) ? Math.Round(value, 6) : null;

    private static string CsvOf(EvaluationReport report)
    {
        var text = new StringBuilder();
        using (var csv = new CsvWriter(new StringWriter(text, CultureInfo.InvariantCulture), CultureInfo.InvariantCulture))
        {
            foreach (var heading in (IEnumerable<string>)["method", "volume", "file", "patient", "lesionMl", "lesions", "filter", "threshold", "maskMl", "found", "missed", "extra", .. Metric.All.Select(metric => metric.Key)])
            {
                csv.WriteField(heading);
            }

            csv.NextRecord();
            foreach (var (method, scores) in report.Methods.SelectMany(method => method.Cases.Select(scores => (method.Name, scores))))
            {
                foreach (var field in (IEnumerable<object>)
                [
                    method, scores.VolumeId, scores.File, scores.Patient, Number(scores.LesionMl), scores.Lesions, scores.Variant, EvaluationText.Of(scores.Threshold),
                    Number(scores.MaskMl), scores.Found.Found, scores.Found.Missed, scores.Found.Extra, .. Metric.All.Select(metric => Number(metric.Of(scores))),
                ])
                {
                    csv.WriteField(field);
                }

                csv.NextRecord();
            }
        }

        return text.ToString();
    }

    private static string Number(double value) => double.IsFinite(value) ? value.ToString("G6", CultureInfo.InvariantCulture) : "";
}
