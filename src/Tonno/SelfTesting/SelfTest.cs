using ToNNO.Contracts;
using ToNNO.Coordinator.Api;
using ToNNO.Coordinator.Auditing;
using ToNNO.Encoders;
using ToNNO.Imaging.Nifti;
using ToNNO.Storage;
using ToNNO.Tonno.Exporting;

namespace ToNNO.Tonno.SelfTesting;

/// <summary>Puts phantoms into a source, has them run, looks in the store where their heatmaps' peaks are, and leaves nothing behind.</summary>
/// <param name="id">Of this test: names the run.</param>
/// <param name="place">Where inputs are read from.</param>
/// <param name="store">Where results are written to.</param>
/// <param name="run">Carries an order out, and tells what became of each volume and of which run it was.</param>
internal sealed class SelfTest(string id, IPhantomPlace place, IBlobStore store, Func<RunOrder, CancellationToken, Task<IReadOnlyList<RunProtocol.VolumeConcluded>>> run)
{
    /// <summary>Enough for a blob of a few voxels.</summary>
    private const int Directions = 100;

    public static string NewId() => $"selftest-{Guid.NewGuid():N}"[..17];

    /// <exception cref="BlobStoreException">The source or the store failed.</exception>
    /// <exception cref="ExportException">The source is a PACS, which refuses phantoms or does not answer.</exception>
    public async Task<SelfTestReport> ExecuteAsync(bool keep, CancellationToken cancel)
    {
        var (checks, runs) = (new List<PhantomCheck>(), new HashSet<RunId>());
        string? left = null;
        try
        {
            await place.PutAsync(cancel).ConfigureAwait(false);
            var concluded = (await run(new RunOrder { RunId = id, Sources = [place.Source], Model = SumEncoder.ModelName, Directions = Directions }, cancel).ConfigureAwait(false)).ToDictionary(volume => volume.VolumeId);
            runs.UnionWith(concluded.Values.Select(volume => volume.RunId));
            foreach (var phantom in place.Phantoms)
            {
                checks.Add(await CheckAsync(phantom, concluded.GetValueOrDefault(place.IdOf(phantom)), cancel).ConfigureAwait(false));
            }
        }
        finally
        {
            if (!keep)
            {
                left = await place.ClearAsync().ConfigureAwait(false);
                await StoreRemoval.RemoveAsync(store, place.Names, runs, CancellationToken.None).ConfigureAwait(false);
            }
        }

        return new(checks, left);
    }

    private async Task<PhantomCheck> CheckAsync(Phantom phantom, RunProtocol.VolumeConcluded? concluded, CancellationToken cancel)
    {
        if (concluded is not { State: VolumeState.Completed or VolumeState.Warning })
        {
            return new(phantom.Name, null, null, concluded?.ReasonCode ?? "selftest.not_listed", concluded?.Detail ?? "It was written into the source, and not found there.");
        }

        var volume = place.IdOf(phantom);
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
}

/// <param name="Left">What of the test could not be removed, a sentence; null where all was, or was to be kept.</param>
internal sealed record SelfTestReport(IReadOnlyList<PhantomCheck> Checks, string? Left);
