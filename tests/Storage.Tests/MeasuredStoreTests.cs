using System.Diagnostics.Metrics;

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

        void Listen(Instrument instrument, MeterListener self)
        {
            if (instrument.Meter.Name == StorageTelemetry.MeterName)
            {
                self.EnableMeasurementEvents(instrument);
            }
        }

        void Add(string direction, long size) => bytes[direction] = bytes.GetValueOrDefault(direction) + size;
    }
}
