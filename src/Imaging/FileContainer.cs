using System.IO.Compression;
using System.IO.Enumeration;
using System.IO.Hashing;
using ToNNO.Imaging.Dicom;

namespace ToNNO.Imaging;

/// <summary>Where the files of a volume lie: a folder, a folder with all below it, a zip, or a single file.</summary>
internal abstract class FileContainer : IDisposable
{
    /// <summary>Bytes that it takes to tell a zip, whatever it is called.</summary>
    private const int ZipSniffBytes = 4;

    /// <summary>The files, ordered by name.</summary>
    /// <exception cref="ImagingException">The container cannot be listed.</exception>
    public abstract IReadOnlyList<ContainedFile> Files { get; }

    /// <summary>True for a zip.</summary>
    public virtual bool IsZipped => false;

    /// <summary>True where it is known that only files of one series lie here.</summary>
    public virtual bool IsOneSeries => false;

    /// <summary>Opens a container.</summary>
    /// <param name="path">A folder, a zip, or a file; ending in <c>/**</c>, a folder with all below it.</param>
    /// <param name="name">What messages call it.</param>
    /// <param name="remote">Files that lie on no disk; null where only disks are read.</param>
    /// <exception cref="ImagingException">It is not there, cannot be read, or is a damaged zip.</exception>
    public static FileContainer Open(string path, string name, IRemoteFiles? remote = null)
    {
        var (folder, depth) = path.EndsWith(SeriesUri.Below, StringComparison.Ordinal)
            ? (path[..^SeriesUri.Below.Length], SearchOption.AllDirectories)
            : (path, SearchOption.TopDirectoryOnly);
        if (remote?.Holds(path) == true)
        {
            return remote.List(folder, depth == SearchOption.AllDirectories, CancellationToken.None) is { Count: > 0 } files
                ? new RemoteFolder([.. files.Select(file => ContainedFile.OnRemote(file, name, remote))], remote.HoldsOneSeries(folder))
                : OpenFile(path, name, remote);
        }

        return depth == SearchOption.AllDirectories || Directory.Exists(folder) ? new Folder(folder, depth, name) : OpenFile(path, name);
    }

    /// <summary>Opens a zip, or a file by itself: its <see cref="Files"/> are then that file alone.</summary>
    /// <inheritdoc cref="Open"/>
    public static FileContainer OpenFile(string path, string name, IRemoteFiles? remote = null)
    {
        if (remote?.Holds(path) == true)
        {
            var file = ContainedFile.OnRemote(path, name, remote).WithStart(DicomListing.WindowBytes, name); // to ask once for what tells its kind
            return (EntryUri.IsCalledZip(path) || IsZip(file.Read(ZipSniffBytes, name))) && SourceFiles.Guard(name, () => remote.OpenSeekable(path)) is { } zip
                ? new Zip(zip, name)
                : new SingleFile(file, beside => ThereIs(ContainedFile.OnRemote(beside, name, remote), name));
        }

        var onDisk = ContainedFile.OnDisk(path, name);
        return IsZip(onDisk.Read(ZipSniffBytes, name)) || EntryUri.IsCalledZip(path)
            ? new Zip(SourceFiles.Guard(name, () => SourceFiles.Open(path)), name)
            : new SingleFile(onDisk, beside => File.Exists(beside) ? ContainedFile.OnDisk(beside, name) : null);
    }

    /// <summary>A file of the zip or folder; of a file by itself, one that lies where it does.</summary>
    /// <returns>Null where there is none.</returns>
    /// <exception cref="ImagingException">It cannot be read.</exception>
    public virtual ContainedFile? Find(string path) => Files.FirstOrDefault(file => file.Path == path);

    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    protected virtual void Dispose(bool disposing)
    {
    }

    private static bool IsZip(ReadOnlySpan<byte> start) => start is [0x50, 0x4B, 3, 4, ..] or [0x50, 0x4B, 5, 6, ..];

    /// <summary>A file with its beginning, which had to be asked for to know whether it is there.</summary>
    private static ContainedFile? ThereIs(ContainedFile file, string name)
    {
        try
        {
            return file.WithStart(DicomListing.WindowBytes, name);
        }
        catch (ImagingException missing) when (missing.Reason == RejectReason.FileMissing)
        {
            return null;
        }
    }

    private sealed class SingleFile(ContainedFile file, Func<string, ContainedFile?> beside) : FileContainer
    {
        public override IReadOnlyList<ContainedFile> Files { get; } = [file];

        public override ContainedFile? Find(string path) => beside(path);
    }

    /// <summary>The files of a folder of a remote place.</summary>
    private sealed class RemoteFolder(IReadOnlyList<ContainedFile> files, bool isOneSeries) : FileContainer
    {
        public override IReadOnlyList<ContainedFile> Files { get; } = files;

        public override bool IsOneSeries { get; } = isOneSeries;
    }

    private sealed class Folder(string path, SearchOption depth, string name) : FileContainer
    {
        public override IReadOnlyList<ContainedFile> Files { get; } = SourceFiles.Guard(
            name, () => Paths(path, depth).Order(StringComparer.Ordinal).Select(file => ContainedFile.OnDisk(file, name)).ToList());

        /// <summary>A link to a file is one; a link to a folder is not followed, since it may lead in a circle.</summary>
        private static FileSystemEnumerable<string> Paths(string path, SearchOption depth) => new(
            path,
            (ref FileSystemEntry entry) => entry.ToFullPath(),
            // A folder within that cannot be listed might hold slices of the series: it is refused by name, not passed over.
            new EnumerationOptions { RecurseSubdirectories = depth == SearchOption.AllDirectories, IgnoreInaccessible = false, AttributesToSkip = FileAttributes.None })
        {
            ShouldIncludePredicate = (ref FileSystemEntry entry) => !entry.IsDirectory,
            ShouldRecursePredicate = (ref FileSystemEntry entry) => (entry.Attributes & FileAttributes.ReparsePoint) == 0,
        };
    }

    private sealed class Zip : FileContainer
    {
        private readonly Stream _content;
        private readonly ZipArchive _archive;

        /// <param name="content">Seeks; the container's from now on.</param>
        public Zip(Stream content, string name)
        {
            _content = content;
            try
            {
                _archive = new(content, ZipArchiveMode.Read);
                Files = [.. _archive.Entries.Where(entry => !entry.FullName.EndsWith('/')).OrderBy(entry => entry.FullName, StringComparer.Ordinal)
                    .Select(entry => new ContainedFile(entry.FullName, _ => Open(entry, name)))];
                if (Files.DistinctBy(file => file.Path).Count() < Files.Count)
                {
                    throw new InvalidDataException(); // which of the two is meant cannot be told
                }
            }
            catch (InvalidDataException damaged)
            {
                content.Dispose();
                throw Damaged(name, damaged);
            }
            catch
            {
                content.Dispose();
                throw;
            }
        }

        public override IReadOnlyList<ContainedFile> Files { get; }

        public override bool IsZipped => true;

        protected override void Dispose(bool disposing)
        {
            if (disposing)
            {
                _archive.Dispose();
                _content.Dispose();
            }

            base.Dispose(disposing);
        }

        private static (Stream, long) Open(ZipArchiveEntry entry, string name)
        {
            // What deflate cannot have made is a false length; memory is taken by it.
            if (entry.Length / EntryStream.MostExpansion > entry.CompressedLength)
            {
                throw Damaged(name, null);
            }

            try
            {
                return (new EntryStream(entry.Open(), entry.Length, entry.Crc32, name).Counted("zip"), entry.Length);
            }
            catch (Exception damaged) when (damaged is InvalidDataException or IOException)
            {
                throw Damaged(name, damaged);
            }
        }

        private static ImagingException Damaged(string name, Exception? error) => new(
            RejectReason.ZipDamaged, $"{name} lies in a zip that is damaged, encrypted, compressed by another method than deflate, or holds two files of one name: copy it again from its source, or unpack it first.", error);

        /// <summary>The content of an entry, whose damage is a reason. What is read to its end is held against its checksum, which the runtime's
        /// reader does not look at.</summary>
        private sealed class EntryStream(Stream entry, long lengthBytes, uint checksum, string name) : ReadOnlyStream
        {
            /// <summary>DEFLATE's best case: 258 bytes from 2 bits.</summary>
            public const long MostExpansion = 1032;

            private readonly Crc32 _checksum = new();
            private long _readBytes;

            public override int Read(Span<byte> buffer)
            {
                int read;
                try
                {
                    read = entry.Read(buffer);
                }
                catch (InvalidDataException damaged)
                {
                    throw Damaged(name, damaged);
                }

                _checksum.Append(buffer[..read]);
                _readBytes += read;
                var ends = _readBytes >= lengthBytes || (read == 0 && buffer.Length > 0);
                return ends && _checksum.GetCurrentHashAsUInt32() != checksum ? throw Damaged(name, null) : read;
            }

            protected override void Dispose(bool disposing)
            {
                if (disposing)
                {
                    entry.Dispose();
                }

                base.Dispose(disposing);
            }
        }
    }
}
