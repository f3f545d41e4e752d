using System.Security.Cryptography;
using System.Text;
using ToNNO.Imaging.Dicom;
using ToNNO.Imaging.Nifti;

namespace ToNNO.Imaging;

/// <summary>One channel of a volume where it lies: a NIfTI file or pair, or a DICOM series, on a disk, in a zip or at another place.</summary>
internal abstract class VolumeChannel : IDisposable
{
    /// <summary>The channel's grid and what it takes to read it.</summary>
    public abstract NiftiHeader Header { get; }

    public virtual long PredictedBytes => Header.PredictedBytes;

    /// <summary>Opens what a URI names, and reads its headers.</summary>
    /// <param name="remote">Files that lie on no disk; null where only disks are read.</param>
    /// <exception cref="ImagingException">It cannot be a volume; the reason says why.</exception>
    public static VolumeChannel Open(string uri, IRemoteFiles? remote, CancellationToken cancel)
    {
        if (SeriesUri.TryParse(uri) is { } series)
        {
            return new Series(DicomSeries.Open(series, remote, cancel));
        }

        var (file, frame) = FrameUri.Split(uri);
        return NiftiFile.Open(UnnamedUri.Split(file).Uri, VolumeSource.NameOf(uri), frame, remote);
    }

    /// <summary>The grid of what a URI names, and the memory that reading takes, by its headers alone.</summary>
    /// <inheritdoc cref="Open"/>
    public static (NiftiHeader Header, long PredictedBytes) ReadHeaders(string uri, IRemoteFiles? remote, CancellationToken cancel)
    {
        if (SeriesUri.TryParse(uri) is { } series)
        {
            return DicomSeries.ReadHeaders(series, remote, cancel);
        }

        using var channel = Open(uri, remote, cancel);
        return (channel.Header, channel.PredictedBytes);
    }

    /// <summary>Adds the channel's bytes, or what stands for them, to a hash.</summary>
    public abstract void AppendTo(IncrementalHash hash, CancellationToken cancel);

    public abstract NiftiVolume Read(long memoryLimitBytes, CancellationToken cancel);

    public abstract NiftiScan Scan(VisitIntensities visit, CancellationToken cancel);

    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    protected virtual void Dispose(bool disposing)
    {
    }

    /// <summary>A NIfTI file or pair; one in a zip is read without unpacking it to a disk.</summary>
    private sealed class NiftiFile : VolumeChannel
    {
        private readonly FileContainer _container;
        private readonly NiftiFiles _files;
        private readonly int? _frame;

        private NiftiFile(FileContainer container, NiftiFiles files, int? frame)
        {
            (_container, _files, _frame) = (container, files, frame);
            Header = NiftiReader.ReadHeader(files, frame);
        }

        public override NiftiHeader Header { get; }

        public static NiftiFile Open(string uri, string name, int? frame, IRemoteFiles? remote)
        {
            var entry = EntryUri.TryParse(uri);
            var container = FileContainer.OpenFile(entry?.Zip ?? uri, name, remote);
            try
            {
                // A DICOM file that no series was listed of is refused by what is wrong with it.
                var file = entry is not null
                    ? container.Find(entry.Entry) ?? throw new ImagingException(RejectReason.FileMissing, $"{name} is not in its zip: check the path.")
                    : container.IsZipped ? throw DicomRefusal.Zip(uri, name)
                    : container.Files[0];
                DicomRefusal.ThrowIfDicom(file, name);
                return new(container, NiftiFiles.Of(file, name, container.Find), frame);
            }
            catch (ImagingException unknown) when (unknown.Reason is RejectReason.NotNifti or RejectReason.NiftiTruncated && !NiftiFiles.IsCalledSo(entry?.Entry ?? uri))
            {
                container.Dispose();
                throw new ImagingException(
                    RejectReason.NotDicom, $"{name} is neither DICOM nor NIfTI: if it is a slice whose copy broke off, copy it again; else take it out from among them.", unknown);
            }
            catch
            {
                container.Dispose();
                throw;
            }
        }

        public override void AppendTo(IncrementalHash hash, CancellationToken cancel)
        {
            if (_frame is { } chosen)
            {
                hash.AppendData(Encoding.ASCII.GetBytes(FrameUri.Of("", chosen))); // another frame is another source, though its bytes are the same
            }

            Append(hash, _files.Header, cancel);
            if (Header.IsPair)
            {
                Append(hash, _files.Data, cancel);
            }
        }

        public override NiftiVolume Read(long memoryLimitBytes, CancellationToken cancel) => NiftiReader.Read(_files, memoryLimitBytes, _frame, cancel);

        public override NiftiScan Scan(VisitIntensities visit, CancellationToken cancel) => NiftiReader.Scan(_files, visit, _frame, cancel);

        protected override void Dispose(bool disposing)
        {
            if (disposing)
            {
                _container.Dispose();
            }

            base.Dispose(disposing);
        }

        private void Append(IncrementalHash hash, ContainedFile file, CancellationToken cancel) => SourceFiles.Guard(_files.Name, () =>
        {
            using var stream = file.Open(long.MaxValue).Stream;
            var buffer = new byte[1 << 18];
            int read;
            while ((read = stream.Read(buffer)) > 0)
            {
                cancel.ThrowIfCancellationRequested();
                hash.AppendData(buffer, 0, read);
            }

            return read;
        });
    }

    private sealed class Series(DicomSeries series) : VolumeChannel
    {
        public override NiftiHeader Header => series.Header;

        public override long PredictedBytes => series.PredictedBytes;

        public override void AppendTo(IncrementalHash hash, CancellationToken cancel) => hash.AppendData(series.Sha256());

        public override NiftiVolume Read(long memoryLimitBytes, CancellationToken cancel) => series.Read(memoryLimitBytes, cancel);

        public override NiftiScan Scan(VisitIntensities visit, CancellationToken cancel) => series.Scan(visit, cancel);

        protected override void Dispose(bool disposing)
        {
            if (disposing)
            {
                series.Dispose();
            }

            base.Dispose(disposing);
        }
    }
}
