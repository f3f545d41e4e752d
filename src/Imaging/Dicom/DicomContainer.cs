using System.IO.Compression;
using System.IO.Enumeration;

namespace ToNNO.Imaging.Dicom;

/// <summary>Where the files of a series lie: a folder, a folder with all below it, a zip, or a single file.</summary>
internal abstract class DicomContainer : IDisposable
{
    /// <summary>Bytes that it takes to tell a zip.</summary>
    public const int ZipSniffBytes = 4;

    /// <summary>The files, ordered by name.</summary>
    /// <exception cref="ImagingException">The container cannot be listed.</exception>
    public abstract IReadOnlyList<ContainedFile> Files { get; }

    /// <summary>Opens a container.</summary>
    /// <param name="path">A folder, a zip, or a file; ending in <c>/**</c>, a folder with all below it.</param>
    /// <param name="name">What messages call it.</param>
    /// <param name="remote">Files that lie on no disk; null where only disks are read.</param>
    /// <exception cref="ImagingException">It is not there, cannot be read, or is a damaged zip.</exception>
    public static DicomContainer Open(string path, string name, IRemoteFiles? remote = null) =>
        remote?.Holds(path) == true ? new Remote(path, name, remote)
        : path.EndsWith(SeriesUri.Below, StringComparison.Ordinal) ? new Folder(path[..^SeriesUri.Below.Length], SearchOption.AllDirectories, name)
        : Directory.Exists(path) ? new Folder(path, SearchOption.TopDirectoryOnly, name)
        : IsZip(path, name) ? new Zip(path, name)
        : new SingleFile(path, name);

    /// <summary>Told by content: a zip may be called anything.</summary>
    public static bool IsZip(string path, string name) => SourceFiles.Guard(name, () =>
    {
        using var file = SourceFiles.Open(path);
        Span<byte> start = stackalloc byte[ZipSniffBytes];
        return file.ReadAtLeast(start, ZipSniffBytes, throwOnEndOfStream: false) == ZipSniffBytes && IsZip(start);
    });

    /// <inheritdoc cref="IsZip(string, string)"/>
    public static bool IsZip(ReadOnlySpan<byte> start) => start is [0x50, 0x4B, 3, 4, ..] or [0x50, 0x4B, 5, 6, ..];

    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    protected virtual void Dispose(bool disposing)
    {
    }

    /// <summary>A file that lies on no disk.</summary>
    public static ContainedFile OnRemote(string path, string name, IRemoteFiles remote) => new(path, most => SourceFiles.Guard(name, () =>
    {
        var stream = remote.Open(path, most);
        return (stream, stream.Length);
    }));

    private static ContainedFile OnDisk(string path, string name) => new(path, _ => SourceFiles.Guard(name, () =>
    {
        var file = SourceFiles.Open(path);
        return ((Stream)file, file.Length);
    }));

    private sealed class SingleFile(string path, string name) : DicomContainer
    {
        public override IReadOnlyList<ContainedFile> Files { get; } = [OnDisk(path, name)];
    }

    /// <summary>A file of a remote place, or the files of its folder.</summary>
    private sealed class Remote(string path, string name, IRemoteFiles remote) : DicomContainer
    {
        public override IReadOnlyList<ContainedFile> Files { get; } = Paths(path, remote) is { Count: > 0 } within
            ? [.. within.Select(file => OnRemote(file.Path, name, remote))]
            : [OnRemote(path, name, remote)];

        private static IReadOnlyList<RemoteFile> Paths(string path, IRemoteFiles remote) => path.EndsWith(SeriesUri.Below, StringComparison.Ordinal)
            ? remote.List(path[..^SeriesUri.Below.Length], below: true, CancellationToken.None)
            : remote.List(path, below: false, CancellationToken.None);
    }

    private sealed class Folder(string path, SearchOption depth, string name) : DicomContainer
    {
        public override IReadOnlyList<ContainedFile> Files { get; } = SourceFiles.Guard(
            name, () => Paths(path, depth).Order(StringComparer.Ordinal).Select(file => OnDisk(file, name)).ToList());

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

    private sealed class Zip : DicomContainer
    {
        private readonly FileStream _file;
        private readonly ZipArchive _archive;

        public Zip(string path, string name)
        {
            _file = SourceFiles.Guard(name, () => SourceFiles.Open(path));
            try
            {
                _archive = new(_file, ZipArchiveMode.Read);
                Files = [.. _archive.Entries.Where(entry => !entry.FullName.EndsWith('/')).OrderBy(entry => entry.FullName, StringComparer.Ordinal)
                    .Select(entry => new ContainedFile(entry.FullName, _ => Open(entry, name)))];
            }
            catch (InvalidDataException damaged)
            {
                _file.Dispose();
                throw Damaged(name, damaged);
            }
        }

        public override IReadOnlyList<ContainedFile> Files { get; }

        protected override void Dispose(bool disposing)
        {
            if (disposing)
            {
                _archive.Dispose();
                _file.Dispose();
            }

            base.Dispose(disposing);
        }

        private static (Stream, long) Open(ZipArchiveEntry entry, string name)
        {
            // What deflate cannot have made is a false length; memory is taken by it.
            if (entry.Length / DeflatedStream.MostExpansion > entry.CompressedLength)
            {
                throw Damaged(name, null);
            }

            try
            {
                return (new DeflatedStream(entry.Open(), name), entry.Length);
            }
            catch (Exception damaged) when (damaged is InvalidDataException or IOException)
            {
                throw Damaged(name, damaged);
            }
        }

        private static ImagingException Damaged(string name, Exception? error) => new(
            RejectReason.ZipDamaged, $"{name} lies in a zip that is damaged or encrypted: copy it again from its source, or unpack it first.", error);

        /// <summary>The content of an entry, whose damage is a reason.</summary>
        private sealed class DeflatedStream(Stream entry, string name) : ReadOnlyStream
        {
            /// <summary>DEFLATE's best case: 258 bytes from 2 bits.</summary>
            public const long MostExpansion = 1032;

            public override int Read(Span<byte> buffer)
            {
                try
                {
                    return entry.Read(buffer);
                }
                catch (InvalidDataException damaged)
                {
                    throw Damaged(name, damaged);
                }
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

/// <summary>A file of a container.</summary>
/// <param name="Path">On disk or where else it lies, or within the zip.</param>
/// <param name="Open">Opens it to read at most so many bytes, and tells its length; throws <see cref="ImagingException"/> where it cannot be read.</param>
internal sealed record ContainedFile(string Path, Func<long, (Stream Stream, long LengthBytes)> Open)
{
    /// <summary>The beginning of the file, or all where it is shorter.</summary>
    public byte[] Read(long mostBytes, string name) => ReadStart(mostBytes, name).Bytes;

    /// <inheritdoc cref="Read"/>
    public (byte[] Bytes, long LengthBytes) ReadStart(long mostBytes, string name)
    {
        var (stream, length) = Open(mostBytes);
        using (stream)
        {
            if (Math.Min(length, mostBytes) > Array.MaxLength)
            {
                throw new ImagingException(RejectReason.VolumeTooLarge, $"{name} is a file of {length >> 20} MiB, more than one array can hold: split it.");
            }

            return SourceFiles.Guard(name, () =>
            {
                var bytes = GC.AllocateUninitializedArray<byte>((int)Math.Min(length, mostBytes));
                var read = stream.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false);
                return (read == bytes.Length ? bytes : bytes[..read], length);
            });
        }
    }
}
