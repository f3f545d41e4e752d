using ToNNO.Contracts;
using ToNNO.Coordinator.Auditing;
using ToNNO.Storage;

namespace ToNNO.Tonno.SelfTesting;

/// <summary>A folder of its own below a folder, or below <c>azure://CONTAINER/PREFIX</c>.</summary>
/// <param name="id">Names the folder and all that it holds.</param>
internal sealed class FolderPlace(string place, string id) : IPhantomPlace
{
    private IBlobStore? _store;

    public string Source => $"{place.TrimEnd('/')}/{id}";

    public IReadOnlyList<Phantom> Phantoms => Phantom.All;

    public IEnumerable<string> Names => [$"{id}-"];

    public VolumeId IdOf(Phantom phantom) => new($"{id}-{phantom.Name}");

    /// <inheritdoc/>
    public async Task PutAsync(CancellationToken cancel)
    {
        _store ??= BlobStores.Open(Source);
        foreach (var (path, content) in Phantoms.SelectMany(phantom => phantom.FilesOf(IdOf(phantom).Value)))
        {
            await _store.WriteAsync(path, content, WriteCondition.Always, cancel).ConfigureAwait(false);
        }
    }

    /// <inheritdoc/>
    public async Task<string?> ClearAsync()
    {
        if (_store is not null)
        {
            await StoreRemoval.RemoveAsync(_store, Names, [], CancellationToken.None).ConfigureAwait(false);
        }

        if (!BlobStores.IsAzure(place) && Directory.Exists(Source))
        {
            Directory.Delete(Source, recursive: true); // what the store made for itself there
        }

        return null;
    }
}
