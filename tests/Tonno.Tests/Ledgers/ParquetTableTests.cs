using System.Security.Cryptography;
using Parquet;
using ToNNO.Contracts;
using ToNNO.Coordinator.Auditing;
using ToNNO.Tonno.Ledgers;

namespace ToNNO.Tonno.Tests.Ledgers;

public sealed class ParquetTableTests
{
    private static readonly DateTimeOffset _noon = new(2026, 2, 3, 12, 0, 0, 5, TimeSpan.FromHours(1));

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Write_RowsOfEveryKind_ReadBackAsTheyWere()
    {
        using var file = await WriteAsync([
            new(new("a"), VolumeState.Completed, "", "", new("run"), 2, "key", _noon, "/in/a.nii /in/b.nii", "trace", "yes"),
            new(new("b"), VolumeState.InProcess, "", "", null, 0, "", null, null),
            new(new("c"), null, "ledger.unreadable", "Ünlesbar,\n\"so\"", null, 0, "", null, null)]);
        await using var reader = await ParquetReader.CreateAsync(file, cancellationToken: Cancel);
        Assert.Equal(ILedgerTable.Columns, reader.Schema.DataFields.Select(field => field.Name));
        using var group = reader.OpenRowGroupReader(0);
        Assert.Equal(["a", "b", "c"], await TextAsync("volume_id"));
        Assert.Equal(["completed", "in_process", "unreadable"], await TextAsync("state"));
        Assert.Equal(["", "", "Ünlesbar,\n\"so\""], await TextAsync("detail"));
        Assert.Equal(["run", "", ""], await TextAsync("run_id"));
        Assert.Equal(["/in/a.nii /in/b.nii", "", ""], await TextAsync("sources"));
        Assert.Equal(["yes", "", ""], await TextAsync("label"));
        var attempts = new int[3];
        await group.ReadAsync<int>(Field("attempts"), attempts, cancellationToken: Cancel);
        Assert.Equal([2, 0, 0], attempts);
        var times = new DateTime?[3];
        await group.ReadAsync<DateTime>(Field("updated_at"), times, cancellationToken: Cancel);
        Assert.Equal([_noon.UtcDateTime, null, null], times);

        Parquet.Schema.DataField Field(string name) => reader.Schema.DataFields.Single(field => field.Name == name);

        async Task<string?[]> TextAsync(string name)
        {
            var text = new string?[3];
            await group.ReadAsync(Field(name), text.AsMemory());
            return text;
        }
    }

    [Fact]
    public async Task Write_ALargeArchive_GroupsOfRowsThatHoldThemAll()
    {
        using var file = await WriteAsync(Enumerable.Range(0, 120_000).Select(at => new LedgerRow(
            new($"v{at}"), VolumeState.Failed, "source.changed", "It was changed while it was being processed; run it again.", new("run"), 1, Hash(at), _noon, null, Hash(-at)[..32])));
        await using var reader = await ParquetReader.CreateAsync(file, cancellationToken: Cancel);
        Assert.Equal((3, 120_000L), (reader.RowGroupCount, Enumerable.Range(0, 3).Sum(at => reader.OpenRowGroupReader(at).RowCount)));
        Assert.InRange(file.Length / 120_000.0, 50, 150);
    }

    private static string Hash(int at) => Convert.ToHexStringLower(SHA256.HashData(BitConverter.GetBytes(at)));

    private static async Task<MemoryStream> WriteAsync(IEnumerable<LedgerRow> rows)
    {
        var output = new MemoryStream();
        await using (var table = new ParquetTable(output))
        {
            foreach (var row in rows)
            {
                await table.WriteAsync(row, Cancel);
            }

            await table.CompleteAsync(Cancel);
        }

        return new MemoryStream(output.ToArray());
    }
}
