using ToNNO.Contracts;
using ToNNO.Storage;
using ToNNO.Tonno.Exporting;

namespace ToNNO.Tonno.SelfTesting;

/// <summary>A place that phantoms are put into, for a run to find them there.</summary>
internal interface IPhantomPlace
{
    /// <summary>What a run reads.</summary>
    string Source { get; }

    /// <summary>Those that it can hold.</summary>
    IReadOnlyList<Phantom> Phantoms { get; }

    /// <summary>How the names begin that the run gives to them.</summary>
    IEnumerable<string> Names { get; }

    /// <summary>What the run calls a phantom.</summary>
    VolumeId IdOf(Phantom phantom);

    /// <exception cref="BlobStoreException">The place failed.</exception>
    /// <exception cref="ExportException">It is a PACS, which refuses them or does not answer.</exception>
    Task PutAsync(CancellationToken cancel);

    /// <summary>Removes all that was put there, also where that was interrupted.</summary>
    /// <returns>What is left there, a sentence; null where nothing is.</returns>
    /// <exception cref="BlobStoreException">The place failed.</exception>
    Task<string?> ClearAsync();
}
