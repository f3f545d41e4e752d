using ToNNO.Imaging;
using ToNNO.Storage;
using ToNNO.Tonno.DicomWeb;

namespace ToNNO.Tonno.Sources;

/// <summary>All places on no disk that volumes are read from: blob containers and PACS.</summary>
internal sealed class RemotePlaces : IRemoteFiles
{
    private readonly IReadOnlyList<IRemoteFiles> _places = [new AzureFiles(), new DicomWebFiles()];

    /// <summary>True for a path of such a place, be there such a file or not.</summary>
    public static bool IsOne(string path) => BlobStores.IsAzure(path) || DicomWebAddress.IsOne(path);

    /// <summary>False where a place calls its files by UIDs alone, so that results are not to be named after them.</summary>
    public static bool BearsNames(string path) => !DicomWebAddress.IsOne(path);

    /// <summary>An address as the paths below it begin.</summary>
    /// <exception cref="BlobStoreException">It is none.</exception>
    public static string Folder(string address) => DicomWebAddress.IsOne(address) ? DicomWebFiles.Folder(address) : AzureFiles.Folder(address);

    public bool Holds(string path) => _places.Any(place => place.Holds(path));

    public IReadOnlyList<string> List(string folder, bool below, CancellationToken cancel) => Of(folder).List(folder, below, cancel);

    public bool HoldsOneSeries(string folder) => Of(folder).HoldsOneSeries(folder);

    public Stream Open(string path, long mostBytes) => Of(path).Open(path, mostBytes);

    public Stream? OpenSeekable(string path) => Of(path).OpenSeekable(path);

    private IRemoteFiles Of(string path) => _places.First(place => place.Holds(path));
}
