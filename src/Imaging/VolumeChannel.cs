using System.Security.Cryptography;
using System.Text;
using ToNNO.Imaging.Dicom;
using ToNNO.Imaging.Nifti;

namespace ToNNO.Imaging;

/// <summary>One channel of a volume where it lies: a NIfTI file or pair, on disk or in a zip, or a DICOM series.</summary>
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

        var name = VolumeSource.NameOf(uri);
        var (file, frame) = FrameUri.Split(uri);
        if (remote?.Holds(file) == true)
        {
            return ContainedNifti.Of(null, DicomContainer.OnRemote(file, name, remote), name, frame);
        }

        if (EntryUri.TryParse(file) is { } entry)
        {
            return ContainedNifti.Open(entry, name, frame);
        }

        // A DICOM file that no series was listed of is refused by what is wrong with it.
        DicomRefusal.ThrowIfDicom(file, name);
        return new NiftiOnDisk(file, name, frame);
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

    /// <summary>Another frame is another source, though its bytes are the same.</summary>
    private static void AppendFrame(IncrementalHash hash, int? frame)
    {
        if (frame is { } chosen)
        {
            hash.AppendData(Encoding.ASCII.GetBytes(FrameUri.Of("", chosen)));
        }
    }

    private static int Append(IncrementalHash hash, Stream stream, CancellationToken cancel)
    {
        var buffer = new byte[1 << 18];
        int read;
        while ((read = stream.Read(buffer)) > 0)
        {
            cancel.ThrowIfCancellationRequested();
            hash.AppendData(buffer, 0, read);
        }

        return read;
    }

    private sealed class NiftiOnDisk(string path, string name, int? frame) : VolumeChannel
    {
        public override NiftiHeader Header { get; } = NiftiReader.ReadHeader(path, frame);

        public override void AppendTo(IncrementalHash hash, CancellationToken cancel) => SourceFiles.Guard(name, () =>
        {
            AppendFrame(hash, frame);
            string[] paths = Header.IsPair ? [NiftiFiles.HeaderPath(path, name), NiftiFiles.DataPath(path, name)] : [path];
            foreach (var part in paths)
            {
                using var file = SourceFiles.Open(part);
                Append(hash, file, cancel);
            }

            return paths.Length;
        });

        public override NiftiVolume Read(long memoryLimitBytes, CancellationToken cancel) => NiftiReader.Read(path, memoryLimitBytes, frame, cancel);

        public override NiftiScan Scan(VisitIntensities visit, CancellationToken cancel) => NiftiReader.Scan(path, visit, frame, cancel);
    }

    /// <summary>A single NIfTI file in a zip, read without unpacking it to disk, or one that lies on no disk.</summary>
    private sealed class ContainedNifti : VolumeChannel
    {
        /// <summary>Bytes that hold a header, also where they are compressed.</summary>
        private const int HeaderBytes = 1 << 16;

        private readonly DicomContainer? _zip;
        private readonly ContainedFile _file;
        private readonly string _name;
        private readonly int? _frame;

        private ContainedNifti(DicomContainer? zip, ContainedFile file, string name, int? frame)
        {
            (_zip, _file, _name, _frame) = (zip, file, name, frame);
            Header = Guarded((stream, length, name) => NiftiReader.ReadHeader(stream, length, name, frame), HeaderBytes);
            if (Header.IsPair)
            {
                throw new ImagingException(
                    RejectReason.NiftiPairIncomplete, $"{name} is the header of a pair, which is read on disks only: copy it there with its .img file, or join them to one .nii file.");
            }
        }

        public override NiftiHeader Header { get; }

        public static ContainedNifti Open(EntryUri uri, string name, int? frame)
        {
            var zip = DicomContainer.Open(uri.Zip, name);
            try
            {
                var file = zip.Files.FirstOrDefault(file => file.Path == uri.Entry)
                    ?? throw new ImagingException(RejectReason.FileMissing, $"{name} is not in its zip: check the path.");
                return Of(zip, file, name, frame);
            }
            catch
            {
                zip.Dispose();
                throw;
            }
        }

        /// <param name="zip">That the file lies in, which is then the channel's.</param>
        public static ContainedNifti Of(DicomContainer? zip, ContainedFile file, string name, int? frame)
        {
            DicomRefusal.ThrowIfDicom(file, name);
            return new(zip, file, name, frame);
        }

        public override void AppendTo(IncrementalHash hash, CancellationToken cancel) => Guarded((stream, _, _) =>
        {
            AppendFrame(hash, _frame);
            return Append(hash, stream, cancel);
        });

        public override NiftiVolume Read(long memoryLimitBytes, CancellationToken cancel) =>
            Guarded((stream, length, name) => NiftiReader.Read(stream, length, name, memoryLimitBytes, _frame, cancel));

        public override NiftiScan Scan(VisitIntensities visit, CancellationToken cancel) =>
            Guarded((stream, length, name) => NiftiReader.Scan(stream, length, name, visit, _frame, cancel));

        protected override void Dispose(bool disposing)
        {
            if (disposing)
            {
                _zip?.Dispose();
            }

            base.Dispose(disposing);
        }

        private T Guarded<T>(Func<Stream, long, string, T> read, long mostBytes = long.MaxValue) => SourceFiles.Guard(_name, () =>
        {
            var (stream, length) = _file.Open(mostBytes);
            using (stream)
            {
                return read(stream, length, _name);
            }
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
