using ToNNO.Contracts;
using ToNNO.Coordinator.Auditing;
using ToNNO.Imaging;
using ToNNO.Storage;

namespace ToNNO.Tonno.Exporting;

/// <summary>Makes something of a volume's result.</summary>
internal interface IVolumeExport
{
    /// <exception cref="ExportException">It cannot be made, or not be sent.</exception>
    /// <exception cref="ImagingException">The source is not what it was.</exception>
    /// <exception cref="BlobStoreException">The store failed.</exception>
    Task<ExportLine> ExportAsync(RunVolume volume, VolumeResult result, CancellationToken cancel);
}
