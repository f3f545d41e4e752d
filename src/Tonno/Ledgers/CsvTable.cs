using System.Globalization;
using System.Text;
using CsvHelper;
using ToNNO.Coordinator.Auditing;

namespace ToNNO.Tonno.Ledgers;

/// <summary>RFC 4180, with a header.</summary>
internal sealed class CsvTable : ILedgerTable
{
    private readonly CsvWriter _csv;
    private bool _begun;

    public CsvTable(Stream output) => _csv = new CsvWriter(new StreamWriter(output, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false)), CultureInfo.InvariantCulture);

    public Task WriteAsync(LedgerRow row, CancellationToken cancel)
    {
        if (!_begun)
        {
            _begun = true;
            Write(ILedgerTable.Columns);
        }

        Write(
        [
            row.VolumeId.Value, ILedgerTable.StateOf(row), row.ReasonCode, row.Detail, row.RunId?.Value ?? "", row.Attempts.ToString(CultureInfo.InvariantCulture), row.WorkKey,
            row.UpdatedAt?.ToString("O", CultureInfo.InvariantCulture) ?? "", row.Sources ?? "", row.TraceId ?? "", row.Label ?? "",
        ]);
        return Task.CompletedTask;
    }

    public Task CompleteAsync(CancellationToken cancel) => _csv.FlushAsync();

    public ValueTask DisposeAsync() => _csv.DisposeAsync();

    private void Write(IReadOnlyList<string> fields)
    {
        foreach (var field in fields)
        {
            _csv.WriteField(field);
        }

        _csv.NextRecord();
    }
}
