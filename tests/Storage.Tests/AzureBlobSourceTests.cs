using ToNNO.Storage.Azure;
using ToNNO.Tests.Support;

namespace ToNNO.Storage.Tests;

/// <summary>What reading volumes from a container promises, over Azurite.</summary>
public sealed class AzureBlobSourceTests(Azurite azurite)
{
    private const int BlockBytes = 1000;
    private readonly string _container = Azurite.NewContainer();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task List_Prefix_ItsBlobsWithTheirLengthsInOrder()
    {
        await WriteAsync(("scans/b.nii", 7), ("scans/a/1.dcm", 0), ("scans/a/deep/2.dcm", 2), ("scans/with space/ünï#%?.dcm", 3), ("scansbeside/c.nii", 4), ("top.nii", 5));
        var source = Open(azurite.ConnectionString);
        Assert.Equal(
            ["scans/a/1.dcm 0", "scans/a/deep/2.dcm 2", "scans/b.nii 7", "scans/with space/ünï#%?.dcm 3"], await ListAsync(source, "scans/", below: true));
        Assert.Equal(["scans/b.nii 7"], await ListAsync(source, "scans/", below: false));
        Assert.Equal(["scans/a/1.dcm 0"], await ListAsync(source, "scans/a/", below: false));
        Assert.Equal(6, (await ListAsync(source, "", below: true)).Count);
        Assert.Empty(await ListAsync(source, "none/", below: true));
    }

    [Fact]
    public async Task List_MoreBlobsThanAPageHolds_AllOfThem()
    {
        await WriteAsync([.. Enumerable.Range(0, 5100).Select(at => ($"d/{at:D5}", 0))]);
        Assert.Equal(5100, (await ListAsync(Open(azurite.ConnectionString), "d/", below: true)).Count);
        Assert.Equal(5100, (await ListAsync(Open(azurite.ConnectionString), "d/", below: false)).Count);
    }

    [Fact]
    public async Task List_NoSuchContainer_Nothing() => Assert.Empty(await ListAsync(Open(azurite.ConnectionString), "", below: true));

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(999)]
    [InlineData(4321)]
    public async Task OpenRead_BlobOfSeveralBlocks_ItsBeginningAndNoMore(int length)
    {
        await WriteAsync(("some blob#1", length));
        foreach (var most in new[] { 1, 16, BlockBytes, 2500, long.MaxValue })
        {
            await using var stream = await Open(azurite.ConnectionString).OpenReadAsync("some blob#1", most, Token);
            using var read = new MemoryStream();
            await stream.CopyToAsync(read, Token);
            Assert.Equal(length, stream.Length);
            Assert.Equal(Content(length)[..(int)Math.Min(length, most)], read.ToArray());
        }
    }

    [Fact]
    public async Task OpenRead_NoSuchBlob_NotFound()
    {
        await WriteAsync(("a", 1));
        var missing = await Assert.ThrowsAsync<BlobStoreException>(() => Open(azurite.ConnectionString).OpenReadAsync("doe_john", 10, Token));
        Assert.Equal(BlobStoreError.NotFound, missing.Error);
        Assert.DoesNotContain("doe_john", missing.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task OpenRead_BlobReplacedMeanwhile_Unavailable()
    {
        await WriteAsync(("doe_john", 50_000));
        await using var stream = await Open(azurite.ConnectionString).OpenReadAsync("doe_john", long.MaxValue, Token);
        await stream.ReadExactlyAsync(new byte[10], Token);
        await WriteAsync(("doe_john", 50_001));
        var replaced = await Assert.ThrowsAsync<BlobStoreException>(() => stream.CopyToAsync(Stream.Null, Token));
        Assert.Equal(BlobStoreError.Unavailable, replaced.Error);
        Assert.DoesNotContain("doe_john", replaced.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Read_ServiceBusyAndAnswersCut_TriedAgainThenUnavailable()
    {
        await WriteAsync(("a", 5000));
        await using var proxy = new FaultProxy(azurite.Port);
        var source = Open(azurite.ConnectionStringAt(proxy.Port));
        proxy.Set(Fault.Busy);
        Assert.Equal(BlobStoreError.Unavailable, (await Assert.ThrowsAsync<BlobStoreException>(() => ListAsync(source, "", below: true))).Error);
        var busy = await Assert.ThrowsAsync<BlobStoreException>(() => source.OpenReadAsync("doe_john", 10, Token));
        Assert.Equal(BlobStoreError.Unavailable, busy.Error);
        Assert.DoesNotContain("doe_john", busy.Message, StringComparison.Ordinal);

        var healed = Task.Delay(TimeSpan.FromMilliseconds(30), Token).ContinueWith(_ => proxy.Set(Fault.None), Token, TaskContinuationOptions.None, TaskScheduler.Default);
        await using var stream = await source.OpenReadAsync("a", long.MaxValue, Token);
        using var read = new MemoryStream();
        await stream.CopyToAsync(read, Token);
        Assert.Equal(Content(5000), read.ToArray());
        await healed;
    }

    [Theory]
    [InlineData("azure://No/x", BlobStoreError.InvalidAddress)]
    [InlineData("azure://", BlobStoreError.InvalidAddress)]
    [InlineData("azure://scans/x", BlobStoreError.NoIdentity)]
    public void OpenSource_NoAddressOrNobody_Refused(string address, BlobStoreError error) =>
        Assert.Equal(error, Assert.Throws<BlobStoreException>(() => BlobStores.OpenSource(address, _ => null)).Error);

    private static byte[] Content(int length) => [.. Enumerable.Range(0, length).Select(at => (byte)(at % 251))];

    private static async Task<List<string>> ListAsync(IBlobSource source, string prefix, bool below) =>
        await source.ListAsync(prefix, below, Token).Select(blob => $"{blob.Path} {blob.LengthBytes}").ToListAsync(Token);

    private IBlobSource Open(string connectionString) => BlobStores.OpenSource(
        $"azure://{_container}",
        variable => variable == "AZURE_STORAGE_CONNECTION_STRING" ? connectionString : null,
        new AzureStoreOptions { BlockBytes = BlockBytes, Retries = 4, Delay = TimeSpan.FromMilliseconds(20), LongestDelay = TimeSpan.FromMilliseconds(50) });

    private async Task WriteAsync(params (string Path, int Length)[] blobs)
    {
        var store = Stores.Open(azurite.ConnectionString, $"azure://{_container}");
        await Parallel.ForEachAsync(blobs, Token, async (blob, token) => await store.WriteAsync(blob.Path, Content(blob.Length), WriteCondition.Always, token));
    }
}
