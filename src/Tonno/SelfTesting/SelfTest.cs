using ToNNO.Contracts;
using ToNNO.Coordinator.Api;
using ToNNO.Coordinator.Auditing;
using ToNNO.Encoders;
using ToNNO.Imaging.Nifti;
using ToNNO.Storage;

namespace ToNNO.Tonno.SelfTesting;

/// <summary>Puts phantoms into a source, has them run, looks in the store where their heatmaps' peaks are, and leaves nothing behind.</summary>
/// <param name="source">Where inputs are read from: a folder, or azure://CONTAINER/PREFIX. Phantoms go into a folder of their own below it.</param>
/// <param name="store">Where results are written to.</param>
/// <param name="run">Carries an order out, and tells what became of each volume and of which run it was.</param>
internal sealed class SelfTest(string source, IBlobStore store, Func<RunOrder, CancellationToken, Task<IReadOnlyList<RunProtocol.VolumeConcluded>>> run)
{
    /// <summary>Enough for a blob of a few voxels.</summary>
    private const int Directions = 100;

    private readonly string _id = $"selftest-{Guid.NewGuid():N}"[..17];

    private string Folder => $"{source.TrimEnd('/')}/{_id}";

    /// <exception cref="BlobStoreException">The source or the store failed.</exception>
    public async Task<IReadOnlyList<PhantomCheck>> ExecuteAsync(bool keep, CancellationToken cancel)
    {
        var (place, runs) = (BlobStores.Open(Folder), new HashSet<RunId>());
        try
        {
            foreach (var phantom in Phantom.All)
            {
                foreach (var (path, content) in phantom.FilesOf(IdOf(phantom).Value))
                {
                    await place.WriteAsync(path, content, WriteCondition.Always, cancel).ConfigureAwait(false);
                }
            }

            var concluded = (await run(new RunOrder { RunId = _id, Sources = [Folder], Model = SumEncoder.ModelName, Directions = Directions }, cancel).ConfigureAwait(false)).ToDictionary(volume => volume.VolumeId);
            runs.UnionWith(concluded.Values.Select(volume => volume.RunId));
            var checks = new List<PhantomCheck>();
            foreach (var phantom in Phantom.All)
            {
                checks.Add(await CheckAsync(phantom, concluded.GetValueOrDefault(IdOf(phantom)), cancel).ConfigureAwait(false));
            }

            return checks;
        }
        finally
        {
            if (!keep)
            {
                await ClearAsync(place, runs).ConfigureAwait(false);
            }
        }
    }

    private VolumeId IdOf(Phantom phantom) => new($"{_id}-{phantom.Name}");

    private async Task<PhantomCheck> CheckAsync(Phantom phantom, RunProtocol.VolumeConcluded? concluded, CancellationToken cancel)
    {
        if (concluded is not { State: VolumeState.Completed or VolumeState.Warning })
        {
            return new(phantom.Name, null, null, concluded?.ReasonCode ?? "selftest.not_listed", concluded?.Detail ?? "It was written into the source, and not found there.");
        }

        var volume = IdOf(phantom);
        var blob = await store.ReadAsync(VolumeResult.PathOf(volume), cancel).ConfigureAwait(false);
        if (Documents.TryParse<VolumeResult>(blob.Bytes.Span)?.Heatmaps is not [var facts])
        {
            return new(phantom.Name, null, null, "selftest.result_unreadable", $"{VolumeResult.PathOf(volume)} is no result of one heatmap.");
        }

        var stream = await store.OpenReadAsync(VolumeResult.FolderOf(volume) + facts.File, cancel).ConfigureAwait(false);
        await using (stream.ConfigureAwait(false))
        {
            return PhantomCheck.Of(phantom, NiftiReader.Read(stream, stream.Length, facts.File, long.MaxValue, cancel).Volume);
        }
    }

    /// <summary>Removes all that the test has made; also of one that was interrupted.</summary>
    private async Task ClearAsync(IBlobStore place, IEnumerable<RunId> runs)
    {
        await StoreRemoval.RemoveAsync(place, $"{_id}-", [], CancellationToken.None).ConfigureAwait(false);
        if (!BlobStores.IsAzure(source) && Directory.Exists(Folder))
        {
            Directory.Delete(Folder, recursive: true); // what the store made for itself there
        }

        await StoreRemoval.RemoveAsync(store, $"{_id}-", runs, CancellationToken.None).ConfigureAwait(false);
    }
}
