using System.Globalization;
using System.Text;

namespace ToNNO.Storage.Tests;

/// <summary>What every store promises; one subclass a store.</summary>
public abstract class BlobStoreContract
{
    protected static CancellationToken Token => TestContext.Current.CancellationToken;

    /// <summary>Another client of the same, at first empty, store: as another process would make it.</summary>
    protected abstract IBlobStore Open();

    [Theory]
    [InlineData("a")]
    [InlineData("a/b/c.json")]
    [InlineData("with space/ünï code/#%?.bin")]
    [InlineData(".hidden/.x")]
    [InlineData("a..b/..c/d..")]
    [InlineData("a+b&c=d/[x]{y}|z^~`'\"<>;:@$,!*()")]
    public async Task Write_ThenRead_GivesTheBytesAndTheTag(string path)
    {
        var store = Open();
        byte[] content = [0, 1, 255, 10, 13, 0];

        var written = await store.WriteAsync(path, content, WriteCondition.Always, Token);
        var read = await Open().ReadAsync(path, Token);

        Assert.Equal(content, read.Bytes.ToArray());
        Assert.Equal(written, read.ETag);
        Assert.Equal([path], await ListAsync(store, ""));
    }

    [Fact]
    public async Task Mark_AskedForByManyAtOnce_IsOneAndStays()
    {
        var marks = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => StoreMark.EnsureAsync(Open(), Token)));
        Assert.Single(marks.Distinct());
        await StoreMark.RequireAsync(Open(), marks[0], Token);
        Assert.Equal(marks[0], await StoreMark.EnsureAsync(Open(), Token));
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("not a mark")]
    [InlineData("00000000000000000000000000000000")]
    public async Task Mark_LacksOrIsAnother_IsRefusedAndGivenWhereItMarksNothing(string? found)
    {
        if (found is not null)
        {
            await Open().WriteAsync(StoreMark.Path, Bytes(found), WriteCondition.Always, Token);
        }

        await StoreMark.RequireAsync(Open(), mark: null, Token);
        var refused = await AssertFailsAsync(BlobStoreError.OtherStore, () => StoreMark.RequireAsync(Open(), new string('1', 32), Token));
        Assert.Equal("store.other", refused.Code);
        await StoreMark.RequireAsync(Open(), await StoreMark.EnsureAsync(Open(), Token), Token);
    }

    [Fact]
    public async Task Write_Empty_ReadsBackEmpty()
    {
        await Open().WriteAsync("nothing", ReadOnlyMemory<byte>.Empty, WriteCondition.Always, Token);
        Assert.Equal(0, (await Open().ReadAsync("nothing", Token)).Bytes.Length);
    }

    [Fact]
    public async Task WriteStream_LongContent_ReadsBackWithTheTagOfItsBytes()
    {
        var content = new byte[3_000_017];
        new Random(4).NextBytes(content);
        var store = Open();

        var streamed = await store.WriteAsync("big/streamed", async (stream, cancel) =>
        {
            for (var at = 0; at < content.Length; at += 70_000)
            {
                await stream.WriteAsync(content.AsMemory(at, Math.Min(70_000, content.Length - at)), cancel);
            }
        }, Token);

        using var back = new MemoryStream();
        await using (var opened = await Open().OpenReadAsync("big/streamed", Token))
        {
            Assert.Equal(content.Length, opened.Length);
            await opened.CopyToAsync(back, Token);
            Assert.Equal(0, await opened.ReadAsync(new byte[9], Token));
        }

        Assert.Equal(content, back.ToArray());
        Assert.Equal(streamed, (await store.ReadAsync("big/streamed", Token)).ETag);
        await store.WriteAsync("big/streamed", Bytes("next"), WriteCondition.IfMatch(streamed), Token);
    }

    [Fact]
    public async Task WriteStream_ThatFails_LeavesNothing()
    {
        var store = Open();
        await store.WriteAsync("kept", Bytes("old"), WriteCondition.Always, Token);
        async Task Fail(Stream stream, CancellationToken cancel)
        {
            await stream.WriteAsync(new byte[200_000], cancel);
            throw new InvalidOperationException("broken on purpose");
        }

        await Assert.ThrowsAsync<InvalidOperationException>(() => store.WriteAsync("folder/new", Fail, Token));
        await Assert.ThrowsAsync<InvalidOperationException>(() => store.WriteAsync("kept", Fail, Token));

        Assert.Equal(["kept"], await ListAsync(store, ""));
        Assert.Equal("old", Text(await store.ReadAsync("kept", Token)));
    }

    [Fact]
    public async Task WriteStream_WhileWriting_ShowsNothing()
    {
        var store = Open();
        await store.WriteAsync("path/blob", async (stream, cancel) =>
        {
            await stream.WriteAsync(new byte[200_000], cancel);
            await stream.FlushAsync(cancel);
            Assert.Empty(await ListAsync(store, ""));
            await AssertFailsAsync(BlobStoreError.NotFound, () => store.ReadAsync("path/blob", Token));
        }, Token);
        Assert.Equal(["path/blob"], await ListAsync(store, ""));
    }

    [Fact]
    public async Task Write_Cancelled_LeavesNothing()
    {
        var store = Open();
        using var cancelled = new CancellationTokenSource();
        await cancelled.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => store.WriteAsync("x", Bytes("x"), WriteCondition.Always, cancelled.Token));
        Assert.Empty(await ListAsync(store, ""));
    }

    [Fact]
    public async Task WriteIfAbsent_Present_FailsAndKeepsWhatIsThere()
    {
        var store = Open();
        await store.WriteAsync("once", Bytes("first"), WriteCondition.IfAbsent, Token);

        await AssertFailsAsync(BlobStoreError.ConditionFailed, () => Open().WriteAsync("once", Bytes("second"), WriteCondition.IfAbsent, Token));

        Assert.Equal("first", Text(await store.ReadAsync("once", Token)));
        await store.DeleteAsync("once", Token);
        await store.WriteAsync("once", Bytes("third"), WriteCondition.IfAbsent, Token);
    }

    [Fact]
    public async Task WriteIfMatch_ChangedOrGone_Fails()
    {
        var store = Open();
        var first = await store.WriteAsync("doc", Bytes("1"), WriteCondition.Always, Token);
        var second = await store.WriteAsync("doc", Bytes("2"), WriteCondition.IfMatch(first), Token);
        Assert.NotEqual(first, second);

        await AssertFailsAsync(BlobStoreError.ConditionFailed, () => store.WriteAsync("doc", Bytes("3"), WriteCondition.IfMatch(first), Token));
        Assert.Equal("2", Text(await store.ReadAsync("doc", Token)));

        await store.DeleteAsync("doc", Token);
        await AssertFailsAsync(BlobStoreError.ConditionFailed, () => store.WriteAsync("doc", Bytes("3"), WriteCondition.IfMatch(second), Token));
        Assert.Empty(await ListAsync(store, ""));
    }

    [Fact]
    public async Task WriteIfMatch_ManyWriters_LoseNoUpdate()
    {
        const int writers = 8;
        const int each = 25;
        await Open().WriteAsync("counter", Bytes("0"), WriteCondition.IfAbsent, Token);
        var clients = new[] { Open(), Open(), Open() };

        await Task.WhenAll(Enumerable.Range(0, writers).Select(writer => Task.Run(async () =>
        {
            var store = clients[writer % clients.Length];
            for (var done = 0; done < each;)
            {
                var blob = await store.ReadAsync("counter", Token);
                var next = int.Parse(Text(blob), CultureInfo.InvariantCulture) + 1;
                try
                {
                    await store.WriteAsync("counter", Bytes(next.ToString(CultureInfo.InvariantCulture)), WriteCondition.IfMatch(blob.ETag), Token);
                    done++;
                }
                catch (BlobStoreException lost) when (lost.Error == BlobStoreError.ConditionFailed)
                {
                    // Another writer was first: read again.
                }
            }
        }, Token)));

        Assert.Equal(writers * each, int.Parse(Text(await Open().ReadAsync("counter", Token)), CultureInfo.InvariantCulture));
    }

    [Fact]
    public async Task WriteIfAbsent_ManyWriters_OneWins()
    {
        for (var round = 0; round < 20; round++)
        {
            var path = $"claims/{round}";
            var won = await Task.WhenAll(Enumerable.Range(0, 6).Select(writer => Task.Run(async () =>
            {
                try
                {
                    await Open().WriteAsync(path, Bytes($"{writer}"), WriteCondition.IfAbsent, Token);
                    return writer;
                }
                catch (BlobStoreException lost) when (lost.Error == BlobStoreError.ConditionFailed)
                {
                    return -1;
                }
            }, Token)));
            var winner = Assert.Single(won, writer => writer >= 0);
            Assert.Equal($"{winner}", Text(await Open().ReadAsync(path, Token)));
        }
    }

    [Fact]
    public async Task Read_WhileReplaced_SeesOneContentWhole()
    {
        var contents = Enumerable.Range(0, 4).Select(n => Enumerable.Repeat((byte)n, 40_000 + n).ToArray()).ToArray();
        await Open().WriteAsync("flips", contents[0], WriteCondition.Always, Token);
        var writing = Task.Run(
            async () =>
            {
                var store = Open();
                for (var round = 0; round < 200; round++)
                {
                    await store.WriteAsync("flips", contents[round % 4], WriteCondition.Always, Token);
                }
            },
            Token);
        var reader = Open();
        while (!writing.IsCompleted)
        {
            var bytes = (await reader.ReadAsync("flips", Token)).Bytes.ToArray();
            Assert.Equal(contents[bytes[0]], bytes);
        }

        await writing;
    }

    [Fact]
    public async Task List_Prefixes_AreOfPathsNotOfFolders()
    {
        var store = Open();
        string[] paths = ["a-b", "a/b", "a/bc/d", "a/bc/e", "ab", "b/a", "Z"];
        foreach (var path in paths.Reverse())
        {
            await store.WriteAsync(path, Bytes(path), WriteCondition.Always, Token);
        }

        async Task Lists(string prefix) =>
            Assert.Equal(paths.Where(path => path.StartsWith(prefix, StringComparison.Ordinal)).Order(StringComparer.Ordinal), await ListAsync(store, prefix));
        foreach (var prefix in new[] { "", "a", "a/", "a/b", "a/bc", "a/bc/", "a/bc/e", "ab", "A", "b", "b/a/", "none/", "none/x", "Z", ".", ".." })
        {
            await Lists(prefix);
        }
    }

    [Fact]
    public async Task List_EmptyStore_IsEmpty()
    {
        Assert.Empty(await ListAsync(Open(), ""));
        Assert.Empty(await ListAsync(Open(), "a/b"));
    }

    [Fact]
    public async Task List_AfterConditionalWrites_HoldsNothingOfTheStoresOwn()
    {
        var store = Open();
        var tag = await store.WriteAsync(".tonno/ledger/v.json", Bytes("1"), WriteCondition.IfAbsent, Token);
        await store.WriteAsync(".tonno/ledger/v.json", Bytes("2"), WriteCondition.IfMatch(tag), Token);
        await store.WriteAsync("v/heatmap", async (stream, cancel) => await stream.WriteAsync(new byte[10], cancel), Token);

        Assert.Equal([".tonno/ledger/v.json", "v/heatmap"], await ListAsync(store, ""));
        Assert.Equal([".tonno/ledger/v.json"], await ListAsync(store, ".tonno"));
        Assert.Equal([".tonno/ledger/v.json"], await ListAsync(store, ".tonno/"));
        Assert.Empty(await ListAsync(store, ".tonno/t"));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(99_999)]
    [InlineData(100_000)]
    [InlineData(100_001)]
    [InlineData(400_000)]
    public async Task WriteStream_SynchronouslyOfAnyLength_ReadsBackSynchronously(int length)
    {
        var content = new byte[length];
        new Random(length).NextBytes(content);
        var store = Open();

        await store.WriteAsync("some", (stream, _) =>
        {
            for (var at = 0; at < length; at += 7_001)
            {
                stream.Write(content.AsSpan(at, Math.Min(7_001, length - at)));
            }

            return Task.CompletedTask;
        }, Token);

        await using var opened = await store.OpenReadAsync("some", Token);
        Assert.Equal(length, opened.Length);
        var back = new byte[length];
        ReadExactly(opened, back);
        Assert.Equal(content, back);
        Assert.Equal(-1, opened.ReadByte());
        Assert.Equal(content, (await store.ReadAsync("some", Token)).Bytes.ToArray());

        // What is opened and left half-read harms nobody.
        await using var left = await store.OpenReadAsync("some", Token);
        ReadExactly(left, new byte[length / 2]);
    }

    /// <summary>A reader of a blob that is replaced meanwhile gets the one or the other whole, or is told.</summary>
    [Fact]
    public async Task OpenRead_ReplacedMeanwhile_NeverMixes()
    {
        var store = Open();
        var (old, next) = (Enumerable.Repeat((byte)1, 2_000_000).ToArray(), Enumerable.Repeat((byte)2, 2_000_000).ToArray());
        await store.WriteAsync("long", old, WriteCondition.Always, Token);
        await using var opened = await store.OpenReadAsync("long", Token);
        var back = new byte[old.Length];
        await opened.ReadExactlyAsync(back.AsMemory(0, 10), Token);
        await Open().WriteAsync("long", next, WriteCondition.Always, Token);
        try
        {
            await opened.ReadExactlyAsync(back.AsMemory(10), Token);
            Assert.Equal(old, back);
        }
        catch (BlobStoreException told)
        {
            Assert.Equal(BlobStoreError.Unavailable, told.Error);
        }
    }

    [Fact]
    public async Task Write_LongContentWithCondition_HoldsToTheCondition()
    {
        var content = new byte[450_000];
        new Random(5).NextBytes(content);
        var store = Open();
        var tag = await store.WriteAsync("long", content, WriteCondition.IfAbsent, Token);

        await AssertFailsAsync(BlobStoreError.ConditionFailed, () => store.WriteAsync("long", content, WriteCondition.IfAbsent, Token));
        await AssertFailsAsync(BlobStoreError.ConditionFailed, () => store.WriteAsync("long", content, WriteCondition.IfMatch(new ETag("0x1")), Token));
        Assert.Equal(tag, (await store.ReadAsync("long", Token)).ETag);
        content[7]++;
        await store.WriteAsync("long", content, WriteCondition.IfMatch(tag), Token);
        Assert.Equal(content, (await store.ReadAsync("long", Token)).Bytes.ToArray());
    }

    [Fact]
    public async Task Find_GivesTheTagOfARead()
    {
        var store = Open();
        Assert.Null(await store.FindAsync("a/b", Token));
        var tag = await store.WriteAsync("a/b", Bytes("x"), WriteCondition.Always, Token);
        Assert.Equal(tag, await Open().FindAsync("a/b", Token));
        Assert.Null(await store.FindAsync("a", Token));
        await store.DeleteAsync("a/b", Token);
        Assert.Null(await store.FindAsync("a/b", Token));
    }

    [Fact]
    public async Task DeleteIfMatch_ChangedMeanwhile_FailsAndKeepsWhatIsThere()
    {
        var store = Open();
        var first = await store.WriteAsync("a/b", Bytes("1"), WriteCondition.Always, Token);
        var second = await store.WriteAsync("a/b", Bytes("2"), WriteCondition.Always, Token);

        await AssertFailsAsync(BlobStoreError.ConditionFailed, () => store.DeleteAsync("a/b", first, Token));
        Assert.Equal("2", Text(await store.ReadAsync("a/b", Token)));

        await store.DeleteAsync("a/b", second, Token);
        await store.DeleteAsync("a/b", second, Token);
        await store.DeleteAsync("never/was", second, Token);
        Assert.Empty(await ListAsync(store, ""));
    }

    /// <summary>A deletion and a write that both depend on what was read: one of them is refused.</summary>
    [Fact]
    public async Task DeleteIfMatch_AgainstWriteIfMatch_OneWins()
    {
        for (var round = 0; round < 20; round++)
        {
            var path = $"duel/{round}";
            var tag = await Open().WriteAsync(path, Bytes("old"), WriteCondition.IfAbsent, Token);
            async Task<bool> Won(Func<Task> deed)
            {
                try
                {
                    await deed();
                    return true;
                }
                catch (BlobStoreException lost) when (lost.Error == BlobStoreError.ConditionFailed)
                {
                    return false;
                }
            }

            var deleting = Task.Run(() => Won(() => Open().DeleteAsync(path, tag, Token)), Token);
            var writing = Task.Run(() => Won(() => Open().WriteAsync(path, Bytes("new"), WriteCondition.IfMatch(tag), Token)), Token);
            Assert.NotEqual(await deleting, await writing);
            Assert.Equal(await writing, await Open().FindAsync(path, Token) is not null);
        }
    }

    [Fact]
    public async Task MoveWithCondition_ThatDoesNotHold_TouchesNothing()
    {
        var store = Open();
        await store.WriteAsync("from", Bytes("new"), WriteCondition.Always, Token);
        var tag = await store.WriteAsync("to/x", Bytes("old"), WriteCondition.Always, Token);

        await AssertFailsAsync(BlobStoreError.ConditionFailed, () => store.MoveAsync("from", "to/x", WriteCondition.IfAbsent, Token));
        await AssertFailsAsync(BlobStoreError.ConditionFailed, () => store.MoveAsync("from", "to/y", WriteCondition.IfMatch(tag), Token));
        Assert.Equal(["from", "to/x"], await ListAsync(store, ""));
        Assert.Equal("old", Text(await store.ReadAsync("to/x", Token)));

        await store.MoveAsync("from", "to/x", WriteCondition.IfMatch(tag), Token);
        Assert.Equal("new", Text(await store.ReadAsync("to/x", Token)));
        await store.MoveAsync("to/x", "from", WriteCondition.IfAbsent, Token);
        Assert.Equal(["from"], await ListAsync(store, ""));
    }

    [Fact]
    public async Task MoveIfAbsent_ManyMovers_OneWins()
    {
        for (var round = 0; round < 10; round++)
        {
            var target = $"claims/{round}";
            var won = await Task.WhenAll(Enumerable.Range(0, 4).Select(mover => Task.Run(async () =>
            {
                var store = Open();
                await store.WriteAsync($"tries/{mover}", Bytes($"{mover}"), WriteCondition.Always, Token);
                try
                {
                    await store.MoveAsync($"tries/{mover}", target, WriteCondition.IfAbsent, Token);
                    return mover;
                }
                catch (BlobStoreException lost) when (lost.Error == BlobStoreError.ConditionFailed)
                {
                    return -1;
                }
            }, Token)));
            var winner = Assert.Single(won, mover => mover >= 0);
            Assert.Equal($"{winner}", Text(await Open().ReadAsync(target, Token)));
        }
    }

    [Fact]
    public async Task Hold_Twice_TheSecondIsRefusedUntilTheFirstIsGivenUp()
    {
        var store = Open();
        await using (var hold = await store.HoldAsync(Token))
        {
            await AssertFailsAsync(BlobStoreError.InUse, () => Open().HoldAsync(Token));
            await store.WriteAsync("a", Bytes("x"), WriteCondition.Always, Token);
            Assert.Equal(["a"], await ListAsync(store, ""));
            Assert.False(hold.Lost.IsCancellationRequested);
        }

        await (await Open().HoldAsync(Token)).DisposeAsync();
    }

    [Fact]
    public async Task Move_Replaces()
    {
        var store = Open();
        await store.WriteAsync("from/x", Bytes("new"), WriteCondition.Always, Token);
        await store.WriteAsync("to/y", Bytes("old"), WriteCondition.Always, Token);

        await store.MoveAsync("from/x", "to/y", WriteCondition.Always, Token);
        await store.MoveAsync("to/y", "else/where/z", WriteCondition.Always, Token);

        Assert.Equal(["else/where/z"], await ListAsync(store, ""));
        Assert.Equal("new", Text(await store.ReadAsync("else/where/z", Token)));
    }

    [Fact]
    public async Task Move_Missing_IsNotFoundAndTouchesNothing()
    {
        var store = Open();
        await store.WriteAsync("kept", Bytes("old"), WriteCondition.Always, Token);
        var failure = await AssertFailsAsync(BlobStoreError.NotFound, () => store.MoveAsync("missing", "kept", WriteCondition.Always, Token));
        Assert.Contains("missing", failure.Message, StringComparison.Ordinal);
        await AssertFailsAsync(BlobStoreError.NotFound, () => store.MoveAsync("no/such", "some/where", WriteCondition.IfAbsent, Token));
        Assert.Equal(["kept"], await ListAsync(store, ""));
        Assert.Equal("old", Text(await store.ReadAsync("kept", Token)));
    }

    [Fact]
    public async Task Delete_Twice_IsNoError()
    {
        var store = Open();
        await store.WriteAsync("a/b", Bytes("x"), WriteCondition.Always, Token);
        await store.DeleteAsync("a/b", Token);
        await store.DeleteAsync("a/b", Token);
        await store.DeleteAsync("never/was", Token);
        Assert.Empty(await ListAsync(store, ""));
        await store.WriteAsync("a", Bytes("y"), WriteCondition.Always, Token); // no folder stays in the way
    }

    [Fact]
    public async Task Read_Missing_IsNotFound()
    {
        var store = Open();
        await store.WriteAsync("a/b", Bytes("x"), WriteCondition.Always, Token);
        foreach (var path in new[] { "missing", "a", "a/c", "c/d", "a/b/c" })
        {
            await AssertFailsAsync(BlobStoreError.NotFound, () => store.ReadAsync(path, Token));
            await AssertFailsAsync(BlobStoreError.NotFound, () => store.OpenReadAsync(path, Token));
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData("../x")]
    [InlineData("a/../../x")]
    [InlineData("a/../b")]
    [InlineData("a/..")]
    [InlineData("..")]
    [InlineData(".")]
    [InlineData("./a")]
    [InlineData("a/./b")]
    [InlineData("/etc/passwd")]
    [InlineData("/")]
    [InlineData("a//b")]
    [InlineData("a/")]
    [InlineData("a\0b")]
    [InlineData("a\\b")]
    [InlineData(".tonno/lock")]
    [InlineData(".tonno/in-use")]
    [InlineData(".tonno/tmp")]
    [InlineData(".tonno/tmp/x")]
    public async Task AnyCall_PathThatNamesNoBlobOfTheStore_IsRefused(string path)
    {
        var store = Open();
        await store.WriteAsync("a/b", Bytes("kept"), WriteCondition.Always, Token);

        await AssertFailsAsync(BlobStoreError.InvalidPath, () => store.ReadAsync(path, Token));
        await AssertFailsAsync(BlobStoreError.InvalidPath, () => store.OpenReadAsync(path, Token));
        await AssertFailsAsync(BlobStoreError.InvalidPath, () => store.WriteAsync(path, Bytes("x"), WriteCondition.Always, Token));
        await AssertFailsAsync(BlobStoreError.InvalidPath, () => store.WriteAsync(path, Bytes("x"), WriteCondition.IfAbsent, Token));
        await AssertFailsAsync(BlobStoreError.InvalidPath, () => store.WriteAsync(path, (_, _) => Task.CompletedTask, Token));
        await AssertFailsAsync(BlobStoreError.InvalidPath, () => store.MoveAsync(path, "c", WriteCondition.Always, Token));
        await AssertFailsAsync(BlobStoreError.InvalidPath, () => store.MoveAsync("a/b", path, WriteCondition.Always, Token));
        await AssertFailsAsync(BlobStoreError.InvalidPath, () => store.DeleteAsync(path, Token));
        await AssertFailsAsync(BlobStoreError.InvalidPath, () => store.DeleteAsync(path, new ETag("x"), Token));
        await AssertFailsAsync(BlobStoreError.InvalidPath, () => store.FindAsync(path, Token));

        Assert.Equal(["a/b"], await ListAsync(store, ""));
    }

    [Theory]
    [InlineData("../")]
    [InlineData("../x")]
    [InlineData("a/../")]
    [InlineData("/")]
    [InlineData("/tmp/")]
    public async Task List_PrefixOutsideTheStore_IsRefused(string prefix) =>
        await AssertFailsAsync(BlobStoreError.InvalidPath, () => ListAsync(Open(), prefix));

    /// <summary>A deletion removes folders that it empties: a write or a listing of the same folder must not trip over that.</summary>
    [Fact]
    public async Task Writers_WhileOthersDeleteAndList_AllSucceed()
    {
        var stopping = false;
        var writers = Enumerable.Range(0, 3).Select(writer => Task.Run(async () =>
        {
            var store = Open();
            for (var round = 0; round < 150; round++)
            {
                var path = $"shared/deep/{writer}";
                await store.WriteAsync(path, Bytes("x"), round % 2 == 0 ? WriteCondition.Always : WriteCondition.IfAbsent, Token);
                await store.MoveAsync(path, $"shared/other/{writer}", round % 3 == 0 ? WriteCondition.IfAbsent : WriteCondition.Always, Token);
                await store.DeleteAsync($"shared/other/{writer}", Token);
            }

            await store.WriteAsync($"shared/deep/last-{writer}", Bytes("x"), WriteCondition.Always, Token);
        }, Token)).ToArray();
        var onlookers = Enumerable.Range(0, 2).Select(_ => Task.Run(async () =>
        {
            var store = Open();
            while (!Volatile.Read(ref stopping))
            {
                await ListAsync(store, "shared/");
                await ListAsync(store, "shared/deep/");
                await store.WriteAsync("shared/deep/fleeting", Bytes("x"), WriteCondition.Always, Token);
                await store.DeleteAsync("shared/deep/fleeting", Token);
            }
        }, Token)).ToArray();

        await Task.WhenAll(writers);
        Volatile.Write(ref stopping, true);
        await Task.WhenAll(onlookers);

        Assert.Equal(["shared/deep/last-0", "shared/deep/last-1", "shared/deep/last-2"], await ListAsync(Open(), ""));
    }

    private static void ReadExactly(Stream stream, byte[] into)
    {
        for (var at = 0; at < into.Length;)
        {
            var read = stream.Read(into.AsSpan(at, Math.Min(6_007, into.Length - at)));
            Assert.InRange(read, 1, into.Length - at);
            at += read;
        }
    }

    protected static byte[] Bytes(string text) => Encoding.UTF8.GetBytes(text);

    protected static string Text(BlobContent blob) => Encoding.UTF8.GetString(blob.Bytes.Span);

    protected static async Task<List<string>> ListAsync(IBlobStore store, string prefix)
    {
        var paths = new List<string>();
        await foreach (var path in store.ListAsync(prefix, Token))
        {
            paths.Add(path);
        }

        return paths;
    }

    protected static async Task<BlobStoreException> AssertFailsAsync(BlobStoreError error, Func<Task> call)
    {
        var failure = await Assert.ThrowsAsync<BlobStoreException>(call);
        Assert.Equal(error, failure.Error);
        return failure;
    }
}
