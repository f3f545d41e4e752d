using System.Diagnostics;
using ToNNO.Storage.Azure;
using ToNNO.Tests.Support;

namespace ToNNO.Storage.Tests;

/// <summary>A store behind a network that fails.</summary>
public sealed class AzureBlobStoreFaultTests(Azurite azurite) : IAsyncLifetime
{
    private static readonly AzureStoreOptions _options = new()
    {
        TryTimeout = TimeSpan.FromSeconds(1),
        Retries = 3,
        Delay = TimeSpan.FromMilliseconds(10),
        LongestDelay = TimeSpan.FromMilliseconds(50),
        BlockBytes = 100_000,
    };

    private readonly string _address = $"azure://{Azurite.NewContainer()}";
    private readonly FaultProxy _proxy = new(azurite.Port);
    private readonly byte[] _content = new byte[1_234_567];
    private IBlobStore _store = null!;
    private IBlobStore _direct = null!;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        new Random(1).NextBytes(_content);
        _direct = Stores.Open(azurite.ConnectionString, _address);
        _store = Stores.Open(azurite.ConnectionStringAt(_proxy.Port), _address, _options);
        await _store.WriteAsync("first", _content, WriteCondition.IfAbsent, Token);
    }

    public ValueTask DisposeAsync() => _proxy.DisposeAsync();

    /// <summary>A connection or two fail, whatever they carry; all that is done is done as if none had.</summary>
    [Theory]
    [InlineData(Fault.Refuse)]
    [InlineData(Fault.Hang)]
    [InlineData(Fault.Busy)]
    [InlineData(Fault.LoseAnswers)]
    [InlineData(Fault.CutAnswers)]
    [InlineData(Fault.CutRequests)]
    public async Task AnyCall_FaultThatPasses_SucceedsOnce(Fault fault)
    {
        (_proxy.AnswerBytes, _proxy.RequestBytes) = (50_000, 50_000);
        async Task<T> Meeting<T>(Func<Task<T>> call)
        {
            _proxy.Set(fault, connections: fault == Fault.Hang ? 1 : 2);
            var result = await call();
            // Of the cuts, short calls hear nothing.
            Assert.True(_proxy.Met > 0 || fault is Fault.CutAnswers or Fault.CutRequests, $"{fault} was not met");
            return result;
        }

        async Task Doing(Func<Task> call) => await Meeting(async () =>
        {
            await call();
            return true;
        });

        var once = await Meeting(() => _store.WriteAsync("once", _content.AsMemory(0, 70_000), WriteCondition.IfAbsent, Token));
        Assert.Equal(once, await _direct.FindAsync("once", Token));
        var again = await Meeting(() => _store.WriteAsync("once", _content.AsMemory(0, 80_000), WriteCondition.IfMatch(once), Token));
        Assert.Equal(_content[..80_000], (await Meeting(() => _store.ReadAsync("once", Token))).Bytes.ToArray());
        Assert.Equal(again, await Meeting(() => _store.FindAsync("once", Token)));

        var streamed = await Meeting(() => _store.WriteAsync("streamed", async (stream, cancel) => await stream.WriteAsync(_content, cancel), Token));
        Assert.Equal(streamed, await _direct.FindAsync("streamed", Token));
        await Meeting(() => _store.WriteAsync("blocks", _content, WriteCondition.IfAbsent, Token));
        using var back = new MemoryStream();
        await Doing(async () =>
        {
            await using var opened = await _store.OpenReadAsync("streamed", Token);
            await opened.CopyToAsync(back, Token);
        });
        Assert.Equal(_content, back.ToArray());

        await Doing(() => _store.MoveAsync("streamed", "moved", WriteCondition.IfAbsent, Token));
        Assert.Equal(["blocks", "first", "moved", "once"], await Meeting(() => _store.ListAsync("", Token).ToListAsync(Token).AsTask()));
        await Doing(() => _store.DeleteAsync("blocks", Token));
        await Doing(() => _store.DeleteAsync("once", again, Token));
        Assert.Equal(["first", "moved"], await _direct.ListAsync("", Token).ToListAsync(Token));
        Assert.Equal(_content, (await _direct.ReadAsync("moved", Token)).Bytes.ToArray());
    }

    /// <summary>A fault that stays is told within the tries' time, and leaves what was there.</summary>
    [Theory]
    [InlineData(Fault.Refuse)]
    [InlineData(Fault.Hang)]
    [InlineData(Fault.Busy)]
    [InlineData(Fault.LoseAnswers)]
    [InlineData(Fault.CutRequests)]
    public async Task AnyCall_FaultThatStays_IsUnavailableInTime(Fault fault)
    {
        _proxy.RequestBytes = 100;
        _proxy.Set(fault);
        var tag = new ETag("0x1");
        Func<Task>[] calls =
        [
            () => _store.ReadAsync("first", Token),
            () => _store.OpenReadAsync("first", Token),
            () => _store.FindAsync("first", Token),
            () => _store.WriteAsync("new/small", _content.AsMemory(0, 9), WriteCondition.IfMatch(tag), Token),
            () => _store.WriteAsync("new/long", (stream, cancel) => stream.WriteAsync(_content, cancel).AsTask(), Token),
            () => _store.MoveAsync("missing", "new/moved", WriteCondition.Always, Token),
            () => _store.DeleteAsync("first", tag, Token),
            () => _store.ListAsync("", Token).ToListAsync(Token).AsTask(),
            () => _store.HoldAsync(Token),
        ];
        await Task.WhenAll(calls.Select(async call =>
        {
            var begun = Stopwatch.GetTimestamp();
            var failure = await Assert.ThrowsAsync<BlobStoreException>(call);
            Assert.Equal(BlobStoreError.Unavailable, failure.Error);
            // Four tries of a second, some milliseconds between, and as much again for a busy machine.
            Assert.InRange(Stopwatch.GetElapsedTime(begun), TimeSpan.Zero, TimeSpan.FromSeconds(9));
        }));
        _proxy.Set(Fault.None);
        Assert.Equal(["first"], await _direct.ListAsync("", Token).ToListAsync(Token));
        Assert.Equal(_content, (await _store.ReadAsync("first", Token)).Bytes.ToArray());
    }

    [Fact]
    public async Task OpenRead_HangsHalfWay_IsUnavailableInTime()
    {
        await using var opened = await _store.OpenReadAsync("first", Token);
        await opened.ReadExactlyAsync(new byte[100_000], Token);
        _proxy.Set(Fault.Hang);
        var begun = Stopwatch.GetTimestamp();
        var failure = await Assert.ThrowsAsync<BlobStoreException>(async () => await opened.ReadExactlyAsync(new byte[_content.Length - 100_000], Token));
        Assert.Equal(BlobStoreError.Unavailable, failure.Error);
        Assert.InRange(Stopwatch.GetElapsedTime(begun), TimeSpan.Zero, TimeSpan.FromSeconds(9));
    }

    /// <summary>A network that is slow but alive is no failure.</summary>
    [Fact]
    public async Task AnyCall_Delayed_Succeeds()
    {
        _proxy.Delay = TimeSpan.FromMilliseconds(50);
        await _store.WriteAsync("slow", (stream, cancel) => stream.WriteAsync(_content, cancel).AsTask(), Token);
        Assert.Equal(_content, (await _store.ReadAsync("slow", Token)).Bytes.ToArray());
    }

    /// <summary>The write happens, its answer is lost, another replaces it before it is tried again: whoever is told must not believe that it stands.</summary>
    [Fact]
    public async Task WriteIfAbsent_AnotherIsThere_IsLostAlsoAfterARetry()
    {
        await _direct.WriteAsync("claim", _content.AsMemory(0, 5), WriteCondition.IfAbsent, Token);
        _proxy.Set(Fault.LoseAnswers, connections: 1);
        var failure = await Assert.ThrowsAsync<BlobStoreException>(() => _store.WriteAsync("claim", _content.AsMemory(0, 5), WriteCondition.IfAbsent, Token));
        Assert.Equal(BlobStoreError.ConditionFailed, failure.Error);
    }
}
