using System.CommandLine;
using ToNNO.Contracts;
using ToNNO.Coordinator.Auditing;
using ToNNO.Storage;
using ToNNO.Tonno.Ledgers;

namespace ToNNO.Tonno.Commands;

/// <summary><c>tonno ledger</c>: where every volume of a store stands, as a table.</summary>
internal static class LedgerCommand
{
    private const string Parquet = "parquet";

    public static Command Create()
    {
        var store = StoreArguments.Store();
        var run = new Option<string?>("--run") { Description = "The inputs of this run, those too that nobody has begun with [all volumes of the ledger]", HelpName = "RUN" };
        var format = Arguments.Choice("--format", "A table with a header, a JSON object a line, or an Apache Parquet file", "csv", "jsonl", Parquet);
        var command = new Command("ledger", "Print where every volume of a store stands, and why.") { store, run.NotEmpty(), format };
        command.SetAction((parsed, cancel) => ExecuteAsync(parsed.GetValue(store)!, parsed.GetValue(run), parsed.GetValue(format)!, cancel));
        return command;
    }

    private static async Task<int> ExecuteAsync(string address, string? run, string format, CancellationToken cancel)
    {
        if (format == Parquet && !Console.IsOutputRedirected)
        {
            throw new CommandException(ExitCodes.Usage, "output.terminal", "A Parquet file is nothing to look at: send it to a file, as in tonno ledger STORE --format parquet > volumes.parquet.");
        }

        var ledger = new LedgerExport(BlobStores.Open(address), TimeProvider.System);
        var rows = run is null ? ledger.RowsAsync(cancel) : ledger.RowsAsync(new RunId(run), cancel);
        var counts = new SortedDictionary<string, int>(StringComparer.Ordinal);
        var output = Console.OpenStandardOutput();
        ILedgerTable table = format switch
        {
            Parquet => new ParquetTable(output),
            "jsonl" => new JsonLinesTable(output),
            _ => new CsvTable(output),
        };
        await using (table.ConfigureAwait(false))
        {
            await foreach (var row in rows.ConfigureAwait(false))
            {
                var state = ILedgerTable.StateOf(row);
                counts[state] = counts.GetValueOrDefault(state) + 1;
                await table.WriteAsync(row, cancel).ConfigureAwait(false);
            }

            if (counts.Count == 0)
            {
                throw new CommandException(ExitCodes.NothingDone, "store.empty", $"{address} holds no ledger{(run is null ? "" : $" and no input of run {run}")}: there is nothing to print.");
            }

            await table.CompleteAsync(cancel).ConfigureAwait(false);
        }

        Console.Error.WriteLine($"{counts.Values.Sum()} volumes: {string.Join(", ", counts.Select(count => $"{count.Value} {count.Key}"))}");
        return ExitCodes.Completed;
    }
}
