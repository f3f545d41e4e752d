using System.Diagnostics.Metrics;
using System.Runtime.CompilerServices;

namespace ToNNO.Storage.Tests;

/// <summary>What is measured is as good a store as what is not.</summary>
public sealed class MeasuredStoreTests : BlobStoreContract, IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("tonno-store-").FullName;

    protected override IBlobStore Open() => new MeasuredStore(new LocalFolderStore(_root));

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public async Task Operations_WellAndFailed_AreCountedWithTheirBytes()
    {
        var (bytes, failures) = (new Dictionary<string, long>(), new List<string>());
        using var listener = new MeterListener { InstrumentPublished = (instrument, self) => Listen(instrument, self) };
        listener.SetMeasurementEventCallback<long>((_, size, tags, _) => Add((string)tags[0].Value!, size));
        listener.SetMeasurementEventCallback<double>((_, _, tags, _) => failures.AddRange(tags.ToArray().Where(tag => tag.Key == "error.type").Select(tag => (string)tag.Value!)));
        listener.Start();
        var store = Open();
        await store.WriteAsync("a", new byte[100], WriteCondition.Always, Token);
        await store.WriteAsync("b", (stream, cancel) => stream.WriteAsync(new byte[1000], cancel).AsTask(), Token);
        await store.ReadAsync("a", Token);
        await (await store.OpenReadAsync("b", Token)).DisposeAsync();
        await Assert.ThrowsAsync<BlobStoreException>(() => store.ReadAsync("c", Token));
        Assert.Equal((1100, 1100), (bytes["write"], bytes["read"]));
        Assert.Equal(["store.not_found"], failures);

        failures.Clear();
        var failing = new MeasuredStore(new FailingStore());
        await using (var stream = await failing.OpenReadAsync("b", Token))
        {
            Assert.Equal(1, await stream.ReadAsync(new byte[1], Token));
            await Assert.ThrowsAsync<BlobStoreException>(() => stream.ReadExactlyAsync(new byte[8], Token).AsTask());
            Assert.Throws<BlobStoreException>(() => stream.ReadByte());
            await Assert.ThrowsAsync<BlobStoreException>(() => stream.CopyToAsync(Stream.Null, Token));
        }

        await Assert.ThrowsAsync<BlobStoreException>(() => failing.ListAsync("", Token).ToListAsync(Token).AsTask());
        Assert.Equal(Enumerable.Repeat("store.unavailable", 4), failures);

        void Listen(Instrument instrument, MeterListener self)
        {
            if (instrument.Meter.Name == StorageTelemetry.MeterName)
            {
                self.EnableMeasurementEvents(instrument);
            }
        }

        void Add(string direction, long size) => bytes[direction] = bytes.GetValueOrDefault(direction) + size;
    }

    /// <summary>One byte can be had, and then nothing.</summary>
    private sealed class FailingStore : IBlobStore
    {
        private static BlobStoreException Lost => new(BlobStoreError.Unavailable, "The line is cut.");

        public Task<Stream> OpenReadAsync(string path, CancellationToken cancel) => Task.FromResult<Stream>(new CutStream());

        public async IAsyncEnumerable<string> ListAsync(string prefix, [EnumeratorCancellation] CancellationToken cancel)
        {
            yield return "a";
            await Task.Yield();
            throw Lost;
        }

        public Task<BlobContent> ReadAsync(string path, CancellationToken cancel) => throw new NotSupportedException();

        public Task<ETag?> FindAsync(string path, CancellationToken cancel) => throw new NotSupportedException();

        public Task<ETag> WriteAsync(string path, ReadOnlyMemory<byte> content, WriteCondition condition, CancellationToken cancel) => throw new NotSupportedException();

        public Task<ETag> WriteAsync(string path, Func<Stream, CancellationToken, Task> write, CancellationToken cancel) => throw new NotSupportedException();

        public Task MoveAsync(string source, string target, WriteCondition condition, CancellationToken cancel) => throw new NotSupportedException();

        public Task DeleteAsync(string path, CancellationToken cancel) => throw new NotSupportedException();

        public Task DeleteAsync(string path, ETag match, CancellationToken cancel) => throw new NotSupportedException();

        public Task<IStoreHold> HoldAsync(CancellationToken cancel) => throw new NotSupportedException();

        public Task<int> RemoveRemnantsAsync(CancellationToken cancel) => throw new NotSupportedException();

        private sealed class CutStream() : MemoryStream(new byte[9])
        {
            public override int Read(byte[] buffer, int offset, int count) => Position == 0 ? base.Read(buffer, offset, 1) : throw Lost;

            public override int Read(Span<byte> buffer) => Position == 0 ? base.Read(buffer[..1]) : throw Lost;

            public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) => Position == 0 ? base.ReadAsync(buffer[..1], cancellationToken) : throw Lost;

            public override Task CopyToAsync(Stream destination, int bufferSize, CancellationToken cancellationToken) => throw Lost;
        }
    }
}
