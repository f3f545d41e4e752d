using System.CommandLine;
using System.Globalization;
using System.Text;
using System.Text.Json;
using CsvHelper;
using ToNNO.Contracts;
using ToNNO.Coordinator.Auditing;
using ToNNO.Storage;

namespace ToNNO.Tonno.Commands;

/// <summary><c>tonno ledger</c>: where every volume of a store stands, as a table.</summary>
internal static class LedgerCommand
{
    private static readonly JsonSerializerOptions _line = new(Documents.Json) { WriteIndented = false };

    private static readonly string[] _columns = ["volume_id", "state", "reason_code", "detail", "run_id", "attempts", "work_key", "updated_at", "sources", "trace_id", "label"];

    public static Command Create()
    {
        var store = StoreArguments.Store();
        var run = new Option<string?>("--run") { Description = "The inputs of this run, those too that nobody has begun with [all volumes of the ledger]", HelpName = "RUN" };
        var format = Arguments.Choice("--format", "A table with a header, or a JSON object a line", "csv", "jsonl");
        var command = new Command("ledger", "Print where every volume of a store stands, and why.") { store, run.NotEmpty(), format };
        command.SetAction((parsed, cancel) => ExecuteAsync(parsed.GetValue(store)!, parsed.GetValue(run), parsed.GetValue(format) == "csv", cancel));
        return command;
    }

    private static async Task<int> ExecuteAsync(string address, string? run, bool asCsv, CancellationToken cancel)
    {
        var ledger = new LedgerExport(BlobStores.Open(address), TimeProvider.System);
        var rows = run is null ? ledger.RowsAsync(cancel) : ledger.RowsAsync(new RunId(run), cancel);
        var counts = new SortedDictionary<string, int>(StringComparer.Ordinal);
        using var output = new StreamWriter(Console.OpenStandardOutput(), new UTF8Encoding(encoderShouldEmitUTF8Identifier: false));
        using var csv = new CsvWriter(output, CultureInfo.InvariantCulture, leaveOpen: true);
        await foreach (var row in rows.ConfigureAwait(false))
        {
            if (asCsv && counts.Count == 0)
            {
                Write(csv, _columns);
            }

            var state = row.State is { } known ? JsonNamingPolicy.SnakeCaseLower.ConvertName(known.ToString()) : "unreadable";
            counts[state] = counts.GetValueOrDefault(state) + 1;
            if (asCsv)
            {
                Write(
                    csv,
                    [
                        row.VolumeId.Value, state, row.ReasonCode, row.Detail, row.RunId?.Value ?? "", row.Attempts.ToString(CultureInfo.InvariantCulture), row.WorkKey,
                        row.UpdatedAt?.ToString("O", CultureInfo.InvariantCulture) ?? "", row.Sources ?? "", row.TraceId ?? "", row.Label ?? "",
                    ]);
            }
            else
            {
                await output.WriteLineAsync(JsonSerializer.Serialize(row, _line).AsMemory(), cancel).ConfigureAwait(false);
            }
        }

        if (counts.Count == 0)
        {
            throw new CommandException(ExitCodes.NothingDone, "store.empty", $"{address} holds no ledger{(run is null ? "" : $" and no input of run {run}")}: there is nothing to print.");
        }

        await output.FlushAsync(cancel).ConfigureAwait(false);
        Console.Error.WriteLine($"{counts.Values.Sum()} volumes: {string.Join(", ", counts.Select(count => $"{count.Value} {count.Key}"))}");
        return ExitCodes.Completed;
    }

    private static void Write(CsvWriter csv, IEnumerable<string> fields)
    {
        foreach (var field in fields)
        {
            csv.WriteField(field);
        }

        csv.NextRecord();
    }
}
