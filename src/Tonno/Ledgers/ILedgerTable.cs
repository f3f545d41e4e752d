using System.Text.Json;
using ToNNO.Coordinator.Auditing;

namespace ToNNO.Tonno.Ledgers;

/// <summary>A table of a ledger's rows, in one of the formats that other programs take.</summary>
internal interface ILedgerTable : IAsyncDisposable
{
    /// <summary>Of the formats that have a header.</summary>
    static IReadOnlyList<string> Columns { get; } =
        ["volume_id", "state", "reason_code", "detail", "run_id", "attempts", "work_key", "updated_at", "sources", "trace_id", "label"];

    Task WriteAsync(LedgerRow row, CancellationToken cancel);

    /// <summary>After the last row.</summary>
    Task CompleteAsync(CancellationToken cancel);

    /// <summary>A row's state in words.</summary>
    static string StateOf(LedgerRow row) => row.State is { } known ? JsonNamingPolicy.SnakeCaseLower.ConvertName(known.ToString()) : "unreadable";
}
