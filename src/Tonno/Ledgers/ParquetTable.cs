using Parquet;
using Parquet.Schema;
using ToNNO.Coordinator.Auditing;

namespace ToNNO.Tonno.Ledgers;

/// <summary>Apache Parquet: columns of text, but <c>attempts</c> of integers, and <c>updated_at</c> of UTC times, null where nobody has begun with the volume.</summary>
/// <remarks>A file of it is written here and there, which a pipe is not: compressed, it is held until it is whole, some 150 bytes a row.</remarks>
internal sealed class ParquetTable(Stream output) : ILedgerTable
{
    private const int GroupRows = 50_000;

    private static readonly ParquetSchema _schema = new(ILedgerTable.Columns.Select(Field));
    private readonly MemoryStream _file = new();
    private readonly List<LedgerRow> _rows = [];
    private ParquetWriter? _writer;

    public async Task WriteAsync(LedgerRow row, CancellationToken cancel)
    {
        _rows.Add(row);
        if (_rows.Count == GroupRows)
        {
            await WriteGroupAsync(cancel).ConfigureAwait(false);
        }
    }

    public async Task CompleteAsync(CancellationToken cancel)
    {
        await WriteGroupAsync(cancel).ConfigureAwait(false);
        await EndAsync().ConfigureAwait(false);
        _file.Position = 0;
        await _file.CopyToAsync(output, cancel).ConfigureAwait(false);
        await output.FlushAsync(cancel).ConfigureAwait(false);
    }

    public async ValueTask DisposeAsync()
    {
        await EndAsync().ConfigureAwait(false);
        await _file.DisposeAsync().ConfigureAwait(false);
        await output.DisposeAsync().ConfigureAwait(false);
    }

    private static DataField Field(string column) => column switch
    {
        "attempts" => new DataField<int>(column),
        "updated_at" => new DataField<DateTime?>(column),
        _ => new DataField<string>(column, nullable: false),
    };

    /// <summary>Writes the file's end.</summary>
    private async Task EndAsync()
    {
        if (_writer is { } writer)
        {
            _writer = null;
            await writer.DisposeAsync().ConfigureAwait(false);
        }
    }

    private async Task WriteGroupAsync(CancellationToken cancel)
    {
        if (_rows.Count == 0)
        {
            return;
        }

        _writer ??= await ParquetWriter.CreateAsync(_schema, _file, cancellationToken: cancel).ConfigureAwait(false);
        using var group = _writer.CreateRowGroup();
        foreach (var field in _schema.DataFields)
        {
            await (field.Name switch
            {
                "volume_id" => Text(row => row.VolumeId.Value),
                "state" => Text(ILedgerTable.StateOf),
                "reason_code" => Text(row => row.ReasonCode),
                "detail" => Text(row => row.Detail),
                "run_id" => Text(row => row.RunId?.Value),
                "work_key" => Text(row => row.WorkKey),
                "sources" => Text(row => row.Sources),
                "trace_id" => Text(row => row.TraceId),
                "label" => Text(row => row.Label),
                "attempts" => group.WriteAsync<int>(field, _rows.Select(row => row.Attempts).ToArray(), cancellationToken: cancel),
                _ => group.WriteAsync<DateTime>(field, _rows.Select(row => row.UpdatedAt?.UtcDateTime).ToArray(), cancellationToken: cancel),
            }).ConfigureAwait(false);

            Task Text(Func<LedgerRow, string?> of) => group.WriteAsync(field, [.. _rows.Select(row => of(row) ?? "")]);
        }

        group.CompleteValidate();
        _rows.Clear();
    }
}
