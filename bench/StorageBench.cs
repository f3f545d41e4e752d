using System.Diagnostics;
using Azure.Storage.Blobs;
using ToNNO.Storage;
using ToNNO.Tests.Support;

namespace ToNNO.Bench;

/// <summary>Blob transfers through our store against bare loops over the Azure SDK, both with the same Azurite, in turns. Reading here and there, as zips
/// are read, is told but not judged: it asks for what it looks at, and not for the whole.</summary>
internal static class StorageBench
{
    private const int Rounds = 9;

    public static object Measure(string[] arguments) => MeasureAsync().GetAwaiter().GetResult();

    private static async Task<object> MeasureAsync()
    {
        var azurite = new AzuriteServer();
        await azurite.InitializeAsync().ConfigureAwait(false);
        await using var ending = azurite.ConfigureAwait(false);
        var container = AzuriteServer.NewContainer();
        string? Variable(string name) => name == "AZURE_STORAGE_CONNECTION_STRING" ? azurite.ConnectionString : null;
        var (store, source) = (BlobStores.Open($"azure://{container}", Variable), BlobStores.OpenSource($"azure://{container}", Variable));
        // The SDK's own ways for each size, as its documentation shows them; Azurite knows no newer version.
        var client = new BlobContainerClient(azurite.ConnectionString, container, new BlobClientOptions(BlobClientOptions.ServiceVersion.V2025_11_05));
        await client.CreateIfNotExistsAsync().ConfigureAwait(false);
        return new Report(
            await CompareAsync(store, source, client, 200_000, 200).ConfigureAwait(false), await CompareAsync(store, source, client, 64 << 20, 1).ConfigureAwait(false));
    }

    /// <param name="length">Of a blob, bytes.</param>
    /// <param name="count">Blobs of a round, one after the other.</param>
    private static async Task<Transfers> CompareAsync(IBlobStore store, IBlobSource source, BlobContainerClient client, int length, int count)
    {
        var content = new byte[length];
        new Random(1).NextBytes(content);
        var read = new byte[length];
        var best = new Dictionary<string, double>(StringComparer.Ordinal);
        async Task Time(string what, Func<int, Task> transfer)
        {
            var begun = Stopwatch.GetTimestamp();
            for (var at = 0; at < count; at++)
            {
                await transfer(at).ConfigureAwait(false);
            }

            var megabytes = (double)length * count / Stopwatch.GetElapsedTime(begun).TotalSeconds / 1e6;
            best[what] = Math.Max(best.GetValueOrDefault(what), megabytes);
        }

        for (var round = 0; round <= Rounds; round++)
        {
            await Time("bare_up", async at => await client.GetBlobClient($"bare-{length}-{at}").UploadAsync(BinaryData.FromBytes(content), overwrite: true).ConfigureAwait(false)).ConfigureAwait(false);
            await Time("ours_up", at => store.WriteAsync($"ours-{length}-{at}", (stream, cancel) => stream.WriteAsync(content, cancel).AsTask(), CancellationToken.None)).ConfigureAwait(false);
            await Time("bare_down", async at => await client.GetBlobClient($"bare-{length}-{at}").DownloadToAsync(Into(read)).ConfigureAwait(false)).ConfigureAwait(false);
            await Time("bare_down_blocks", async at => await client.GetBlobClient($"ours-{length}-{at}").DownloadToAsync(Into(read)).ConfigureAwait(false)).ConfigureAwait(false);
            await Time("ours_down", at => ReadAsync(store, $"bare-{length}-{at}", read)).ConfigureAwait(false);
            await Time("ours_down_blocks", at => ReadAsync(store, $"ours-{length}-{at}", read)).ConfigureAwait(false);
            await Time("ours_down_seekable", at => ReadAsync(source.OpenSeekableAsync($"bare-{length}-{at}", CancellationToken.None), read)).ConfigureAwait(false);
            if (round == 0)
            {
                best.Clear(); // warm-up
            }
        }

        return new Transfers(
            length,
            best["ours_up"] / best["bare_up"],
            best["ours_down"] / best["bare_down"],
            best["ours_down_blocks"] / best["bare_down_blocks"],
            best["ours_down_seekable"] / best["bare_down"],
            best);
    }

    private static Task ReadAsync(IBlobStore store, string path, byte[] into) => ReadAsync(store.OpenReadAsync(path, CancellationToken.None), into);

    private static async Task ReadAsync(Task<Stream> opening, byte[] into)
    {
        var stream = await opening.ConfigureAwait(false);
        await using (stream.ConfigureAwait(false))
        {
            await stream.CopyToAsync(Into(into)).ConfigureAwait(false);
        }
    }

    /// <param name="DownBlocksRatio">Of blobs that were written in blocks, which Azurite reads more slowly.</param>
    /// <param name="DownSeekableRatio">As zips are read.</param>
    private sealed record Transfers(
        int Bytes, double UpRatio, double DownRatio, double DownBlocksRatio, double DownSeekableRatio, IReadOnlyDictionary<string, double> MegabytesPerSecond);

    private sealed record Report(Transfers Rows, Transfers Heatmaps) : ICheckedReport
    {
        private const double Least = 0.7;

        public bool Whole => new[] { Rows, Heatmaps }.All(one => Math.Min(one.UpRatio, Math.Min(one.DownRatio, one.DownBlocksRatio)) >= Least);
    }

    /// <summary>Memory that is there already: to be had as fast by both.</summary>
    private static MemoryStream Into(byte[] read) => new(read);
}
