using ToNNO.Coordinator;
using ToNNO.Encoders;
using ToNNO.SliceActors;
using ToNNO.Storage;

namespace ToNNO.Tonno.Hosting;

/// <summary>Shares this machine out among the parts of a local node.</summary>
internal static class LocalResources
{
    /// <summary>In one process no message is lost and an encoder's end is noticed, so that whoever does not answer is at work: a
    /// lease of large slices may take a CPU hours.</summary>
    private static readonly TimeSpan Unhurried = TimeSpan.FromDays(2);

    /// <summary>Questions that a reducer may leave unanswered, for the same reason.</summary>
    private const int Unasked = 1_000_000;

    /// <summary>Encoders that work at once.</summary>
    /// <param name="device"><c>auto</c>, <c>cpu</c> or <c>cuda:N</c>.</param>
    /// <remarks>Torch runs one thread in each encoder (OMP_NUM_THREADS=1, set by the launcher): an encoder per core keeps all cores
    /// busy through cutting as well as encoding. A GPU is served by one.</remarks>
    public static int Encoders(string device) => TorchDevice.IsCuda(device) ? 1 : Environment.ProcessorCount;

    /// <param name="output">Address of the store.</param>
    /// <param name="device"><c>auto</c>, <c>cpu</c> or <c>cuda:N</c>.</param>
    public static LocalNodeOptions Options(string output, string device)
    {
        var memory = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;
        var encoders = Encoders(device);
        return new LocalNodeOptions
        {
            Store = BlobStores.Open(output),
            Coordinator = new CoordinatorOptions
            {
                MemoryBudgetBytes = memory / 2,
                MaximumVolumes = Math.Max(2, encoders),
                MaximumInspections = 6,
                LeaseDeadline = Unhurried,
                TakesUpRuns = false,
                RefusalPause = TimeSpan.FromSeconds(1), // no other node will join
                ShortestLeaseDeadline = Unhurried,
                StoreDeadline = Unhurried,
                MaximumSilences = Unasked,
            },
            Slice = new SliceOptions { Device = device, Encoders = encoders, CacheBytes = memory / 8, DrainDeadline = TimeSpan.Zero },
        };
    }
}
