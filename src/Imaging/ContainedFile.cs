namespace ToNNO.Imaging;

/// <summary>A file where it lies: on a disk, in a zip, or at another place.</summary>
/// <param name="Path">On disk or where else it lies, or within the zip.</param>
/// <param name="Open">Opens it to read at most so many bytes, and tells its length; throws <see cref="ImagingException"/> where it cannot be read.</param>
internal sealed record ContainedFile(string Path, Func<long, (Stream Stream, long LengthBytes)> Open)
{
    public static ContainedFile OnDisk(string path, string name) => new(path, _ => SourceFiles.Guard(name, () =>
    {
        var file = SourceFiles.Open(path);
        return (file.Counted("disk"), file.Length);
    }));

    /// <summary>A file that lies on no disk.</summary>
    public static ContainedFile OnRemote(string path, string name, IRemoteFiles remote) => new(path, most => SourceFiles.Guard(name, () =>
    {
        var stream = remote.Open(path, most);
        return (stream.Counted("remote"), stream.Length);
    }));

    /// <summary>The same file with its beginning in memory: who wants no more of it asks nobody.</summary>
    public ContainedFile WithStart(long mostBytes, string name)
    {
        var (start, length) = ReadStart(mostBytes, name);
        return this with { Open = most => Math.Min(most, length) <= start.Length ? (new MemoryStream(start, writable: false), length) : Open(most) };
    }

    /// <summary>The beginning of the file, or all where it is shorter.</summary>
    public byte[] Read(long mostBytes, string name) => ReadStart(mostBytes, name).Bytes;

    /// <inheritdoc cref="Read"/>
    public (byte[] Bytes, long LengthBytes) ReadStart(long mostBytes, string name)
    {
        byte[] bytes = [];
        var (read, length) = ReadInto(ref bytes, mostBytes, name);
        return (read == bytes.Length ? bytes : bytes[..read], length);
    }

    /// <summary>The whole file, in room that the one before it had: a series' files are read one after the other, and to leave each to the collector would
    /// take as much memory as the volume.</summary>
    /// <param name="room">Replaced where it does not do.</param>
    public ReadOnlyMemory<byte> ReadWhole(ref byte[] room, string name)
    {
        var (read, _) = ReadInto(ref room, long.MaxValue, name);
        return room.AsMemory(0, read);
    }

    private (int Read, long LengthBytes) ReadInto(ref byte[] room, long mostBytes, string name)
    {
        var (stream, length) = Open(mostBytes);
        using (stream)
        {
            var count = Math.Min(length, mostBytes);
            if (count > Array.MaxLength)
            {
                throw new ImagingException(RejectReason.VolumeTooLarge, $"{name} is a file of {length >> 20} MiB, more than one array can hold: split it.");
            }

            if (room.Length < count)
            {
                room = GC.AllocateUninitializedArray<byte>((int)count);
            }

            var destination = room.AsMemory(0, (int)count);
            return (SourceFiles.Guard(name, () => stream.ReadAtLeast(destination.Span, destination.Length, throwOnEndOfStream: false)), length);
        }
    }
}
