using System.Buffers.Binary;
using System.IO.Compression;
using System.Runtime.InteropServices;

namespace ToNNO.Imaging.Nifti;

/// <summary>
/// Writes a result on the grid of a source: a little-endian single file of the source's NIfTI version, with exactly its
/// shape, voxel sizes, forms, codes and units, and nothing else of it.
/// </summary>
/// <remarks>Samples are appended in memory order (i fastest) as they come. A file counts only after
/// <see cref="Complete"/>: disposing a writer before that leaves a file that every reader refuses as too short.
/// The same samples give the same bytes: no time and no name is stored.</remarks>
public sealed class NiftiWriter : IDisposable
{
    private readonly Stream _destination;
    private readonly GZipStream? _deflater;
    private readonly Stream _content;
    private readonly NiftiDataType _dataType;
    private long _missingSamples;

    private NiftiWriter(
        Stream destination, NiftiHeader like, NiftiDataType dataType, float calMin, float calMax, string description, bool compress)
    {
        ArgumentNullException.ThrowIfNull(destination);
        ArgumentNullException.ThrowIfNull(like);
        ArgumentNullException.ThrowIfNull(description);
        if (description.Length > 79 || !System.Text.Ascii.IsValid(description))
        {
            throw new ArgumentOutOfRangeException(nameof(description), description, "A description is at most 79 ASCII characters.");
        }

        _dataType = dataType;
        _missingSamples = like.Shape.VoxelCount;
        _deflater = compress ? new(destination, CompressionLevel.Fastest, leaveOpen: true) : null;
        _destination = destination;
        _content = _deflater ?? destination;
        _content.Write(NiftiHeaderEncoder.Encode(like.Fields, dataType, calMin, calMax, description));
    }

    /// <summary>Starts a float32 file, and writes its header.</summary>
    /// <param name="destination">Left open.</param>
    /// <param name="like">Header of the source; its grid is copied.</param>
    /// <param name="calMin">Intensity that viewers show darkest.</param>
    /// <param name="calMax">Intensity that viewers show brightest; equal to <paramref name="calMin"/>: viewers choose.</param>
    /// <param name="description">At most 79 ASCII characters, none of them about the patient.</param>
    /// <param name="compress">Write gzip (<c>.nii.gz</c>).</param>
    /// <exception cref="ArgumentOutOfRangeException">The description is too long or not ASCII.</exception>
    public static NiftiWriter ForHeatmap(
        Stream destination,
        NiftiHeader like,
        float calMin,
        float calMax,
        string description = "ToNNO heatmap",
        bool compress = false) =>
        new(destination, like, NiftiDataType.Float32, calMin, calMax, description, compress);

    /// <summary>Starts a uint8 file (0 outside, 1 inside), and writes its header.</summary>
    /// <inheritdoc cref="ForHeatmap"/>
    public static NiftiWriter ForMask(
        Stream destination, NiftiHeader like, string description = "ToNNO mask", bool compress = false) =>
        new(destination, like, NiftiDataType.UInt8, 0, 1, description, compress);

    /// <summary>True where a file begins as a heatmap or mask that was written here: it may be written over, where another's may not.</summary>
    public static bool Wrote(string path)
    {
        try
        {
            using var file = SourceFiles.Open(path);
            using Stream content = path.EndsWith(".gz", StringComparison.OrdinalIgnoreCase) ? new GZipStream(file, CompressionMode.Decompress) : file;
            var start = new byte[512];
            start = start[..content.ReadAtLeast(start, start.Length, throwOnEndOfStream: false)];
            return new[] { NiftiLayout.V1, NiftiLayout.V2 }.Any(
                layout => start.AsSpan(Math.Min(layout.Description, start.Length)).StartsWith("ToNNO "u8));
        }
        catch (Exception unreadable) when (unreadable is IOException or UnauthorizedAccessException or InvalidDataException)
        {
            return false;
        }
    }

    /// <summary>Writes the next samples of a heatmap.</summary>
    /// <exception cref="InvalidOperationException">The file is a mask, or full.</exception>
    public void Append(ReadOnlySpan<float> samples)
    {
        Take(samples.Length, NiftiDataType.Float32);
        if (BitConverter.IsLittleEndian)
        {
            Write(MemoryMarshal.AsBytes(samples));
            return;
        }

        Span<byte> field = stackalloc byte[sizeof(float)];
        foreach (var sample in samples)
        {
            BinaryPrimitives.WriteSingleLittleEndian(field, sample);
            _content.Write(field);
        }
    }

    /// <summary>Writes the next samples of a mask.</summary>
    /// <exception cref="InvalidOperationException">The file is a heatmap, or full.</exception>
    public void Append(ReadOnlySpan<byte> samples)
    {
        Take(samples.Length, NiftiDataType.UInt8);
        Write(samples);
    }

    /// <summary>Ends the file; with compression, the gzip trailer is written before this returns.</summary>
    /// <exception cref="InvalidOperationException">Samples are missing.</exception>
    public void Complete()
    {
        if (_missingSamples > 0)
        {
            throw new InvalidOperationException($"{_missingSamples} samples are missing.");
        }

        _deflater?.Dispose();
        _destination.Flush();
    }

    public void Dispose() => _deflater?.Dispose();

    private void Take(int count, NiftiDataType dataType)
    {
        if (dataType != _dataType)
        {
            throw new InvalidOperationException($"The file holds {_dataType}, not {dataType}.");
        }

        if (count > _missingSamples)
        {
            throw new InvalidOperationException($"{count} samples do not fit: {_missingSamples} are missing.");
        }

        _missingSamples -= count;
    }

    /// <summary>In pieces, as some streams copy what they are given.</summary>
    private void Write(ReadOnlySpan<byte> bytes)
    {
        const int Piece = 1 << 20;
        for (; !bytes.IsEmpty; bytes = bytes[Math.Min(Piece, bytes.Length)..])
        {
            _content.Write(bytes[..Math.Min(Piece, bytes.Length)]);
        }
    }
}
