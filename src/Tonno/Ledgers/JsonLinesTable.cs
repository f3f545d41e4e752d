using System.Text;
using System.Text.Json;
using ToNNO.Contracts;
using ToNNO.Coordinator.Auditing;

namespace ToNNO.Tonno.Ledgers;

/// <summary>An object a line.</summary>
internal sealed class JsonLinesTable(Stream output) : ILedgerTable
{
    private static readonly JsonSerializerOptions _line = new(Documents.Json) { WriteIndented = false };
    private readonly StreamWriter _writer = new(output, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false));

    public Task WriteAsync(LedgerRow row, CancellationToken cancel) => _writer.WriteLineAsync(JsonSerializer.Serialize(row, _line).AsMemory(), cancel);

    public Task CompleteAsync(CancellationToken cancel) => _writer.FlushAsync(cancel);

    public ValueTask DisposeAsync() => _writer.DisposeAsync();
}
