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

    /// <summary>Places at random, of blocks that are held, under way, read ahead and past the end, against the content.</summary>
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(249)]
    [InlineData(20_000)]
    public async Task OpenSeekable_HereAndThere_TheBytesThatLieThere(int length)
    {
        await WriteAsync(("some zip#1", length));
        await using var stream = await Open(azurite.ConnectionString).OpenSeekableAsync("some zip#1", Token);
        Assert.Equal(length, stream.Length);
        var (random, content) = (new Random(1), Content(length));
        for (var turn = 0; turn < 100; turn++)
        {
            var (at, count) = (random.Next(length + 1), random.Next(1500));
            Assert.Equal(at, (turn % 3) switch
            {
                0 => stream.Seek(at, SeekOrigin.Begin),
                1 => stream.Seek(at - stream.Position, SeekOrigin.Current),
                _ => stream.Seek(at - length, SeekOrigin.End),
            });
            var read = new byte[count];
            Assert.Equal(Math.Min(count, length - at), stream.ReadAtLeast(read, count, throwOnEndOfStream: false));
            Assert.Equal(content.AsSpan(at, Math.Min(count, length - at)), read.AsSpan(0, Math.Min(count, length - at)));
            Assert.Equal(Math.Min(at + count, length), stream.Position);
        }

        stream.Position = length + 7;
        Assert.Equal(0, stream.Read(new byte[5]));
        Assert.Throws<IOException>(() => stream.Seek(-length - 1, SeekOrigin.End)); // as of a file
        stream.Position = 0;
        using var whole = new MemoryStream();
        await stream.CopyToAsync(whole, Token);
        Assert.Equal(content, whole.ToArray());
    }

    /// <summary>What plans rest on: the end of a large blob and some heads cost no more than these; and reading on costs no more than the blob.</summary>
    [Fact]
    public async Task OpenSeekable_LookedAtThenReadOn_FetchesLittleThenAllOnce()
    {
        const int Length = 8 << 20, Head = 32 << 10, Answer = 2 << 10;
        await WriteAsync(("a", Length));
        await using var proxy = new FaultProxy(azurite.Port);
        await using var stream = await Open(azurite.ConnectionStringAt(proxy.Port), new AzureStoreOptions()).OpenSeekableAsync("a", Token);
        foreach (var at in new[] { Length - 22, Length - 20_000, 0, 3_000_000, 3_010_000, 5_000_000 })
        {
            stream.Position = at;
            stream.ReadExactly(new byte[20]);
        }

        Assert.InRange(proxy.Answered, 4 * Head, (4 * Head) + (5 * Answer));
        var before = proxy.Answered;
        stream.Position = 0;
        var whole = new byte[Length];
        stream.ReadExactly(whole);
        Assert.Equal(Content(Length), whole);
        Assert.InRange(proxy.Answered - before, Length - (4 * Head), Length + (30 * Answer));
    }

    [Fact]
    public async Task OpenSeekable_MissingOrReplacedMeanwhile_NotFoundOrUnavailable()
    {
        await WriteAsync(("doe_john", 50_000));
        var source = Open(azurite.ConnectionString);
        var missing = await Assert.ThrowsAsync<BlobStoreException>(() => source.OpenSeekableAsync("doe_jane", Token));
        Assert.Equal(BlobStoreError.NotFound, missing.Error);
        Assert.DoesNotContain("doe_jane", missing.Message, StringComparison.Ordinal);
        await using var stream = await source.OpenSeekableAsync("doe_john", Token);
        stream.ReadExactly(new byte[10]);
        await WriteAsync(("doe_john", 50_001));
        stream.Position = 30_000;
        var replaced = Assert.Throws<BlobStoreException>(() => stream.ReadByte());
        Assert.Equal(BlobStoreError.Unavailable, replaced.Error);
        Assert.DoesNotContain("doe_john", replaced.Message, StringComparison.Ordinal);
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

    private IBlobSource Open(string connectionString, AzureStoreOptions? options = null) => BlobStores.OpenSource(
        $"azure://{_container}",
        variable => variable == "AZURE_STORAGE_CONNECTION_STRING" ? connectionString : null,
        options ?? new AzureStoreOptions { BlockBytes = BlockBytes, Retries = 4, Delay = TimeSpan.FromMilliseconds(20), LongestDelay = TimeSpan.FromMilliseconds(50) });

    private async Task WriteAsync(params (string Path, int Length)[] blobs)
    {
        var store = Stores.Open(azurite.ConnectionString, $"azure://{_container}");
        await Parallel.ForEachAsync(blobs, Token, async (blob, token) => await store.WriteAsync(blob.Path, Content(blob.Length), WriteCondition.Always, token));
    }
}
