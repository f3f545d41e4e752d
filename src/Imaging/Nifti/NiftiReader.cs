using System.Buffers;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using ToNNO.Tomography.Geometry;

namespace ToNNO.Imaging.Nifti;

/// <summary>
/// Reads NIfTI-1 and -2 volumes in either byte order, plain or gzip (told by content, not by name), single files and pairs.
/// </summary>
/// <remarks>Every claim of a header is held against the file's length before memory is taken for it. Streams are read
/// forwards only and left open; an exception of a stream itself passes through. The overloads that take a path report
/// such failures as <c>file.missing</c> and <c>file.unreadable</c>.</remarks>
public static class NiftiReader
{
    private const int ChunkSamples = 1 << 15;

    /// <summary>Bytes that hold a header, also where they are compressed.</summary>
    private const int HeaderBytes = 16 << 10;

    /// <summary>Reads a header, and no more of the stream than that takes.</summary>
    /// <param name="stream">A single file, or the header file of a pair.</param>
    /// <param name="lengthBytes">Length of the file as stored.</param>
    /// <param name="name">What messages call the file.</param>
    /// <param name="frame">Of a file of several frames (4D) the one to read, counted from 0; null refuses such a file.</param>
    /// <exception cref="ImagingException">The file is no 3D NIfTI volume, or too short for what it claims.</exception>
    public static NiftiHeader ReadHeader(Stream stream, long lengthBytes, string name, int? frame = null)
    {
        using var source = new NiftiSource(stream, lengthBytes, name);
        var header = ReadHeader(source, frame);
        if (!header.IsPair)
        {
            source.RequireRoomFor(header);
        }

        return header;
    }

    /// <summary>Reads the header of a file, or of the pair that an <c>.hdr</c> or <c>.img</c> belongs to.</summary>
    /// <inheritdoc cref="ReadHeader(Stream, long, string, int?)"/>
    public static NiftiHeader ReadHeader(string path) => ReadHeader(path, frame: null);

    /// <inheritdoc cref="ReadHeader(Stream, long, string, int?)"/>
    public static NiftiHeader ReadHeader(string path, int? frame) => ReadHeader(NiftiFiles.OnDisk(path, Path.GetFileName(path)), frame);

    /// <summary>Reads a volume from a single file.</summary>
    /// <param name="stream">The file, from its first byte.</param>
    /// <param name="lengthBytes">Length of the file as stored.</param>
    /// <param name="name">What messages call the file.</param>
    /// <param name="memoryLimitBytes">Most that <see cref="NiftiHeader.PredictedBytes"/> may be.</param>
    /// <exception cref="ImagingException">The file is no 3D NIfTI volume of real numbers, is damaged, or does not fit the limit.</exception>
    public static NiftiVolume Read(
        Stream stream, long lengthBytes, string name, long memoryLimitBytes, CancellationToken cancellationToken = default) =>
        Read(stream, lengthBytes, name, memoryLimitBytes, frame: null, cancellationToken);

    /// <inheritdoc cref="Read(Stream, long, string, long, CancellationToken)"/>
    /// <param name="frame">Of a file of several frames (4D) the one to read, counted from 0; null refuses such a file.</param>
    public static NiftiVolume Read(
        Stream stream, long lengthBytes, string name, long memoryLimitBytes, int? frame, CancellationToken cancellationToken = default)
    {
        using var source = new NiftiSource(stream, lengthBytes, name);
        var header = ReadHeader(source, frame);
        if (header.IsPair)
        {
            throw Incomplete(name);
        }

        return ReadSamples(source, header, memoryLimitBytes, cancellationToken);
    }

    /// <summary>Reads a volume from a file, or from the pair that an <c>.hdr</c> or <c>.img</c> belongs to.</summary>
    /// <inheritdoc cref="Read(Stream, long, string, long, CancellationToken)"/>
    public static NiftiVolume Read(string path, long memoryLimitBytes, CancellationToken cancellationToken = default) =>
        Read(path, memoryLimitBytes, frame: null, cancellationToken);

    /// <inheritdoc cref="Read(Stream, long, string, long, int?, CancellationToken)"/>
    public static NiftiVolume Read(string path, long memoryLimitBytes, int? frame, CancellationToken cancellationToken = default) =>
        Read(NiftiFiles.OnDisk(path, Path.GetFileName(path)), memoryLimitBytes, frame, cancellationToken);

    /// <summary>Hands a volume's intensities over in memory order, a run at a time, without holding more of it.</summary>
    /// <inheritdoc cref="Read(Stream, long, string, long, CancellationToken)"/>
    /// <param name="visit">Takes each run.</param>
    public static NiftiScan Scan(Stream stream, long lengthBytes, string name, VisitIntensities visit, CancellationToken cancellationToken = default) =>
        Scan(stream, lengthBytes, name, visit, frame: null, cancellationToken);

    /// <inheritdoc cref="Scan(Stream, long, string, VisitIntensities, CancellationToken)"/>
    /// <param name="frame">Of a file of several frames (4D) the one to read, counted from 0; null refuses such a file.</param>
    public static NiftiScan Scan(
        Stream stream, long lengthBytes, string name, VisitIntensities visit, int? frame, CancellationToken cancellationToken = default)
    {
        using var source = new NiftiSource(stream, lengthBytes, name);
        var header = ReadHeader(source, frame);
        return header.IsPair ? throw Incomplete(name) : ScanSamples(source, header, visit, cancellationToken);
    }

    /// <summary>Hands the intensities of a file over, or of the pair that an <c>.hdr</c> or <c>.img</c> belongs to.</summary>
    /// <inheritdoc cref="Scan(Stream, long, string, VisitIntensities, CancellationToken)"/>
    public static NiftiScan Scan(string path, VisitIntensities visit, CancellationToken cancellationToken = default) =>
        Scan(path, visit, frame: null, cancellationToken);

    /// <inheritdoc cref="Scan(Stream, long, string, VisitIntensities, int?, CancellationToken)"/>
    public static NiftiScan Scan(string path, VisitIntensities visit, int? frame, CancellationToken cancellationToken = default) =>
        Scan(NiftiFiles.OnDisk(path, Path.GetFileName(path)), visit, frame, cancellationToken);

    /// <inheritdoc cref="ReadHeader(Stream, long, string, int?)"/>
    internal static NiftiHeader ReadHeader(NiftiFiles files, int? frame) => Open(files, HeaderBytes, frame, (source, header) =>
    {
        source.RequireRoomFor(header);
        return header;
    });

    /// <inheritdoc cref="Read(Stream, long, string, long, int?, CancellationToken)"/>
    internal static NiftiVolume Read(NiftiFiles files, long memoryLimitBytes, int? frame, CancellationToken cancellationToken) =>
        Open(files, long.MaxValue, frame, (source, header) => ReadSamples(source, header, memoryLimitBytes, cancellationToken));

    /// <inheritdoc cref="Scan(Stream, long, string, VisitIntensities, int?, CancellationToken)"/>
    internal static NiftiScan Scan(NiftiFiles files, VisitIntensities visit, int? frame, CancellationToken cancellationToken) =>
        Open(files, long.MaxValue, frame, (source, header) => ScanSamples(source, header, visit, cancellationToken));

    private static NiftiHeader ReadHeader(NiftiSource source, int? frame)
    {
        Span<byte> bytes = stackalloc byte[NiftiLayout.V2.SizeBytes];
        var count = source.Read(bytes[..NiftiLayout.V1.SizeBytes]);
        if (count < 4)
        {
            throw new ImagingException(
                RejectReason.NiftiTruncated, $"{source.Name} is empty or ends within its header: copy it again from its source.");
        }

        if (NiftiLayout.Detect(bytes) is not var (layout, bigEndian))
        {
            throw new ImagingException(
                RejectReason.NotNifti, $"{source.Name} is no NIfTI file: give a .nii, a .nii.gz or an .hdr with its .img.");
        }

        count += source.Read(bytes[count..layout.SizeBytes]);
        if (count < layout.SizeBytes)
        {
            throw new ImagingException(
                RejectReason.NiftiTruncated, $"{source.Name} ends within its header: copy it again from its source.");
        }

        return new(NiftiHeaderDecoder.Decode(bytes[..layout.SizeBytes], layout, bigEndian, source.Name, frame), source.Name);
    }

    /// <param name="mostBytes">Of each file.</param>
    private static T Open<T>(NiftiFiles files, long mostBytes, int? frame, Func<NiftiSource, NiftiHeader, T> read) => SourceFiles.Guard(files.Name, () =>
    {
        var (file, lengthBytes) = files.Header.Open(mostBytes);
        using (file)
        {
            using var source = new NiftiSource(file, lengthBytes, files.Name);
            var header = ReadHeader(source, frame);
            if (!header.IsPair)
            {
                return read(source, header);
            }

            var (data, dataLengthBytes) = files.Data.Open(mostBytes);
            using (data)
            {
                using var dataSource = new NiftiSource(data, dataLengthBytes, files.Name);
                return read(dataSource, header);
            }
        }
    });

    private static ImagingException Incomplete(string name) =>
        new(RejectReason.NiftiPairIncomplete, $"{name} is the header of a pair, without voxels: give it together with its .img file.");

    private static NiftiScan ScanSamples(NiftiSource source, NiftiHeader header, VisitIntensities visit, CancellationToken cancellationToken)
    {
        source.RequireRoomFor(header);
        source.SkipTo(header.FirstByte, cancellationToken);
        var (scaling, width, nonFinite) = (NiftiScaling.Of(header.Fields), header.DataType.SizeBytes(), 0L);
        var stored = new byte[ChunkSamples * width];
        var intensities = new float[ChunkSamples];
        for (var missing = header.Shape.VoxelCount; missing > 0; missing -= ChunkSamples)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var run = intensities.AsSpan(0, (int)Math.Min(ChunkSamples, missing));
            var bytes = stored.AsSpan(0, run.Length * width);
            source.ReadExactly(bytes);
            NiftiSamples.Convert(header.DataType, header.IsBigEndian, scaling, bytes, run);
            nonFinite += NiftiSamples.CountNonFinite(run);
            visit(run);
        }

        source.Finish(header.EndByte, cancellationToken);
        return new(header, nonFinite);
    }

    private static NiftiVolume ReadSamples(
        NiftiSource source, NiftiHeader header, long memoryLimitBytes, CancellationToken cancellationToken)
    {
        source.RequireRoomFor(header);
        var scaling = NiftiScaling.Of(header.Fields);
        var nonFinite = 0L;
        VolumeSamples samples;
        if (header.StaysInt16)
        {
            var stored = Allocate<short>(header, memoryLimitBytes, source.Name);
            ReadChunks(source, header, stored, (bytes, values) => NiftiSamples.Widen(header.DataType, header.IsBigEndian, bytes, values), cancellationToken);
            samples = VolumeSamples.FromInt16(stored, (float)scaling.Slope, (float)scaling.Inter);
        }
        else
        {
            var intensities = Allocate<float>(header, memoryLimitBytes, source.Name);
            ReadChunks(
                source,
                header,
                intensities,
                (bytes, values) =>
                {
                    NiftiSamples.Convert(header.DataType, header.IsBigEndian, scaling, bytes, values);
                    nonFinite += NiftiSamples.CountNonFinite(values);
                },
                cancellationToken);
            samples = intensities;
        }

        source.Finish(header.EndByte, cancellationToken);
        return new(header, new(header.Geometry, samples), nonFinite);
    }

    private static void ReadChunks<T>(
        NiftiSource source, NiftiHeader header, T[] samples, ConvertChunk<T> convert, CancellationToken cancellationToken)
        where T : unmanaged
    {
        source.SkipTo(header.FirstByte, cancellationToken);
        var width = header.DataType.SizeBytes();
        // Read into their place where they need no more room there, to be converted in it.
        var direct = header.DataType is NiftiDataType.Float32 or NiftiDataType.Int16 && width == Unsafe.SizeOf<T>();
        var rented = direct ? [] : ArrayPool<byte>.Shared.Rent(ChunkSamples * width);
        try
        {
            for (var start = 0; start < samples.Length; start += ChunkSamples)
            {
                cancellationToken.ThrowIfCancellationRequested();
                var chunk = samples.AsSpan(start, Math.Min(ChunkSamples, samples.Length - start));
                var stored = direct ? MemoryMarshal.AsBytes(chunk) : rented.AsSpan(0, chunk.Length * width);
                source.ReadExactly(stored);
                convert(stored, chunk);
            }
        }
        finally
        {
            if (!direct)
            {
                ArrayPool<byte>.Shared.Return(rented);
            }
        }
    }

    /// <summary>Not cleared: pages are taken from the system as samples arrive, not as the header claims.</summary>
    private static T[] Allocate<T>(NiftiHeader header, long memoryLimitBytes, string name)
    {
        if (header.PredictedBytes > memoryLimitBytes || header.Shape.VoxelCount > Array.MaxLength)
        {
            throw TooLarge(null);
        }

        try
        {
            return GC.AllocateUninitializedArray<T>((int)header.Shape.VoxelCount);
        }
        catch (OutOfMemoryException error)
        {
            throw TooLarge(error);
        }

        ImagingException TooLarge(Exception? error) => new(
            RejectReason.VolumeTooLarge,
            $"{name} ({header.Shape}) takes {header.PredictedBytes >> 20} MiB of memory, more than is allowed here: raise the limit, crop it or resample it.",
            error);
    }

    private delegate void ConvertChunk<T>(Span<byte> stored, Span<T> samples);
}
