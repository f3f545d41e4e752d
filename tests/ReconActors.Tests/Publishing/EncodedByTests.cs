using ToNNO.Contracts;
using ToNNO.ReconActors.Publishing;

namespace ToNNO.ReconActors.Tests.Publishing;

public class EncodedByTests
{
    [Fact]
    public void Add_LeasesOfUnlikeEncoders_TellsEachThingOnce()
    {
        var by = new EncodedBy();
        foreach (var (device, libtorch, batch) in new (string, string, int?)[] { ("cuda:0", "2.10.0.0", 256), ("cpu", "", null), ("cuda:0", "2.10.0.0", 128), ("cuda:0", "2.10.0.0", 256) })
        {
            by.Add(new RowsBlob(new(0, 1), 1, [0], default, [0]) { Device = device, Libtorch = libtorch, Batch = batch });
        }

        Assert.Equal(["cpu", "cuda:0"], by.Devices);
        Assert.Equal(["2.10.0.0"], by.Libtorchs);
        Assert.Equal([128, 256], by.Batches);
    }
}
