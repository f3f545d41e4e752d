using System.Collections.Frozen;
using System.Security.Cryptography;
using System.Text;
using ToNNO.Imaging.Dicom.Results;
using ToNNO.Imaging.Nifti;
using ToNNO.Tomography.Geometry;

namespace ToNNO.Imaging.Dicom;

/// <summary>The image files of one series as a volume. Opening it reads each file once: for its hash, its place and its claims.</summary>
internal sealed class DicomSeries : IDisposable
{
    private static readonly FrozenSet<uint> _uidOnly = [DicomTag.SeriesInstanceUid, DicomTag.SopClassUid];

    private readonly FileContainer _container;
    private readonly string _name;
    private readonly IReadOnlyList<Instance> _instances;
    private readonly IReadOnlyList<(Instance Instance, ImageFrame Frame)> _slices;

    /// <summary>That the slices of a tilted gantry are resampled on; null where they stand straight.</summary>
    private readonly StraightGrid? _grid;
    private float? _least;

    private DicomSeries(FileContainer container, string name, IReadOnlyList<Instance> instances, IReadOnlyList<(Instance, ImageFrame)> slices, SliceStack stack)
    {
        (_container, _name, _instances, _slices) = (container, name, instances, slices);
        var (format, first) = (instances[0].Image.Format, _slices[0].Frame);
        _grid = stack.Tilt is null ? null : new StraightGrid(stack.Tilt, format.Columns, format.Rows, slices.Count, name);
        var affine = _grid is null ? stack.Affine : stack.Affine with { Origin = stack.Affine.ToWorld(_grid.FirstColumn, _grid.FirstRow, 0) };
        var isSame = _grid is null && instances.All(instance => instance.Image.Format.FitsInt16) && _slices.All(slice => (slice.Frame.Slope, slice.Frame.Intercept) == (first.Slope, first.Intercept));
        var shape = _grid?.Shape ?? new VolumeShape(format.Columns, format.Rows, _slices.Count);
        if (shape.I < 2 || shape.J < 2)
        {
            throw new ImagingException(RejectReason.VolumeNot3D, $"{name} has images of {shape.I}x{shape.J} pixels: give a series of whole slices.");
        }

        try
        {
            Header = NiftiHeader.Create(
                new VolumeGeometry(shape, affine), isSame ? NiftiDataType.Int16 : NiftiDataType.Float32, isSame ? first.Slope : 1, isSame ? first.Intercept : 0);
        }
        catch (ArgumentOutOfRangeException error)
        {
            throw new ImagingException(
                RejectReason.VolumeGeometryInvalid, $"{name} does not say where its voxels lie, as its positions or pixel sizes are beyond reason: export it again.", error);
        }
    }

    /// <summary>The grid, as a result states it.</summary>
    public NiftiHeader Header { get; }

    /// <summary>The slices in order: the file of each, and its frame there.</summary>
    public IReadOnlyList<(Instance Instance, ImageFrame Frame)> Slices => _slices;

    /// <summary>Memory that reading takes: the volume, one file, and one plane while it is decoded, and resampled.</summary>
    public long PredictedBytes =>
        Header.PredictedBytes + _instances.Max(instance => instance.MemoryBytes) + (2L * sizeof(int) * _instances[0].Image.Format.PixelsPerFrame)
        + (sizeof(float) * (_grid?.PlanePixels ?? 0L));

    /// <summary>Where a plane of the volume lies: its slice, or, of a tilted gantry, the straight grid's in the plane of that.</summary>
    public SlicePlace PlaceOf(int plane) => _grid?.PlaceOf(plane, _slices[0].Frame.Place) ?? _slices[plane].Frame.Place;

    /// <summary>SHA-256 over those of the files, sorted: the same bytes are the same source, whatever the files are called and wherever they lie; but
    /// resampled they are another.</summary>
    public byte[] Sha256() => SHA256.HashData(
    [
        .. _instances.Select(instance => instance.Sha256!).Order(StringComparer.Ordinal).SelectMany(Convert.FromHexString),
        .. _grid is null ? [] : Encoding.ASCII.GetBytes(SeriesUri.TiltedMark),
    ]);

    /// <summary>Finds a series' files, and refuses it unless they make one volume.</summary>
    /// <param name="remote">Files that lie on no disk; null where only disks are read.</param>
    /// <exception cref="ImagingException">Files are missing, damaged, or no even stack of one kind.</exception>
    public static DicomSeries Open(SeriesUri uri, IRemoteFiles? remote, CancellationToken cancel)
    {
        byte[] room = [];
        return Open(uri, remote, new(long.MaxValue, (file, name) => Whole(file, name, DicomTag.Imaging, ref room)), cancel);
    }

    /// <summary>The same, with what results refer to and carry over.</summary>
    /// <inheritdoc cref="Open(SeriesUri, IRemoteFiles, CancellationToken)"/>
    public static DicomSeries OpenWithOrigins(SeriesUri uri, IRemoteFiles? remote, CancellationToken cancel) => Open(uri, remote, new(long.MaxValue, (file, name) =>
    {
        byte[] room = []; // which what is carried over refers to
        return Whole(file, name, InstanceOrigin.Tags, ref room);
    }), cancel);

    /// <summary>The grid, and what reading takes, by the files' headers alone: pixels are not looked at, and no hash is known.</summary>
    /// <inheritdoc cref="Open(SeriesUri, IRemoteFiles, CancellationToken)"/>
    public static (NiftiHeader Header, long PredictedBytes) ReadHeaders(SeriesUri uri, IRemoteFiles? remote, CancellationToken cancel)
    {
        using var series = Open(uri, remote, new(DicomListing.WindowBytes, HeaderOnly), cancel);
        return (series.Header, series.PredictedBytes);
    }

    private static DicomSeries Open(SeriesUri uri, IRemoteFiles? remote, Reading reading, CancellationToken cancel)
    {
        if (uri.IsSplit)
        {
            throw new ImagingException(
                RejectReason.DicomSplitSeries, $"{uri.Name} lies in several folders or zips that do not hold the same files: put them together, or leave only the one that is whole.");
        }

        var container = FileContainer.Open(uri.Container, uri.Name, remote);
        try
        {
            var instances = InstancesOf(container, uri, reading, cancel);
            var frames = instances.SelectMany(instance => instance.Image.Frames, (instance, frame) => (Instance: instance, Frame: frame)).ToList();
            SeriesCheck.RequireOneKind(frames, uri.Name);
            SeriesCheck.RequireAsManyAsClaimed(frames, uri.Name);
            var stack = SliceStack.Of([.. frames.Select(frame => frame.Frame.Place)], uri.Name, uri.ResamplesTilted);
            var slices = stack.Order.Select(at => frames[at]).ToList();
            SeriesCheck.RequireNotThinned([.. slices.Select(slice => slice.Instance.Image)], stack.Affine.K.Length, uri.Name);
            return new DicomSeries(container, uri.Name, instances, slices, stack);
        }
        catch
        {
            container.Dispose();
            throw;
        }
    }

    /// <summary>Reads the volume.</summary>
    /// <param name="memoryLimitBytes">Most that <see cref="PredictedBytes"/> may be.</param>
    /// <exception cref="ImagingException">It does not fit, its pixels are damaged, or its files changed since it was opened.</exception>
    public NiftiVolume Read(long memoryLimitBytes, CancellationToken cancel)
    {
        if (PredictedBytes > memoryLimitBytes || Header.Shape.VoxelCount > Array.MaxLength)
        {
            throw new ImagingException(
                RejectReason.VolumeTooLarge, $"{_name} ({Header.Shape}) takes {PredictedBytes >> 20} MiB of memory, more than is allowed here: raise the limit, crop it or resample it.");
        }

        if (Header.StaysInt16)
        {
            var stored = GC.AllocateUninitializedArray<short>((int)Header.Shape.VoxelCount);
            Decode((slice, values) =>
            {
                var plane = stored.AsSpan(slice * values.Length, values.Length);
                for (var at = 0; at < plane.Length; at++)
                {
                    plane[at] = (short)values[at];
                }
            }, cancel);
            return new(Header, new(Header.Geometry, VolumeSamples.FromInt16(stored, (float)Header.SclSlope, (float)Header.SclInter)), 0);
        }

        var intensities = GC.AllocateUninitializedArray<float>((int)Header.Shape.VoxelCount);
        var nonFinite = 0L;
        Planes((k, plane) =>
        {
            plane.CopyTo(intensities, k * plane.Length);
            nonFinite += NiftiSamples.CountNonFinite(plane);
        }, cancel);
        return new(Header, new(Header.Geometry, intensities), nonFinite);
    }

    /// <summary>Hands the intensities over slice by slice, in memory order.</summary>
    /// <inheritdoc cref="Read"/>
    public NiftiScan Scan(VisitIntensities visit, CancellationToken cancel)
    {
        var nonFinite = 0L;
        Planes((_, plane) =>
        {
            nonFinite += NiftiSamples.CountNonFinite(plane);
            visit(plane);
        }, cancel);
        return new(Header, nonFinite);
    }

    public void Dispose() => _container.Dispose();

    /// <summary>In double and then rounded, as NIfTI's are.</summary>
    private static void Rescale(ImageFrame frame, ReadOnlySpan<int> values, Span<float> intensities)
    {
        var scaling = new NiftiScaling(frame.Slope, frame.Intercept);
        for (var at = 0; at < values.Length; at++)
        {
            intensities[at] = scaling.Intensity(values[at]);
        }
    }

    private static List<Instance> InstancesOf(FileContainer container, SeriesUri uri, Reading reading, CancellationToken cancel)
    {
        var instances = new List<Instance>();
        foreach (var file in container.Files)
        {
            cancel.ThrowIfCancellationRequested();
            // To look whose a file is before it is read would ask for each twice.
            var looked = container.IsOneSeries ? file.WithStart(reading.StartBytes, uri.Name) : file;
            if (IsOf(uri, looked))
            {
                instances.Add(reading.Of(looked, $"File {instances.Count + 1} by name of {uri.Name}") with { File = file });
            }
        }

        return instances.Count > 0 ? instances : throw new ImagingException(
            RejectReason.FileMissing, $"{uri.Name} has no images where it was found: check that its files are still there.");
    }

    private static Instance Whole(ContainedFile file, string name, FrozenSet<uint> kept, ref byte[] room)
    {
        var bytes = file.ReadWhole(ref room, name);
        var parsed = DicomFile.Parse(bytes, kept, DicomTag.PixelData, name);
        var image = DicomImage.Of(parsed, name);
        FramePixels.Of(parsed, image, name);
        var origin = kept == InstanceOrigin.Tags ? InstanceOrigin.Of(parsed.DataSet, name) : null;
        return new(file, Convert.ToHexStringLower(SHA256.HashData(bytes.Span)), bytes.Length, image, name, parsed.Syntax.IsDeflated, origin);
    }

    private static Instance HeaderOnly(ContainedFile file, string name)
    {
        var (parsed, lengthBytes) = DicomListing.Headers(file, name);
        var image = DicomImage.Of(parsed, name);
        FramePixels.RequireSound(parsed, image, name);
        return new(file, null, lengthBytes, image, name, parsed.Syntax.IsDeflated);
    }

    private static bool IsOf(SeriesUri uri, ContainedFile file)
    {
        try
        {
            return DicomListing.Head(file, _uidOnly, DicomTag.SeriesInstanceUid, uri.Name) is { } head
                && head.DataSet.Text(DicomTag.SeriesInstanceUid) is { } uid && uri.IsKeyOf(uid)
                && ImageKinds.IsStack(head.DataSet.Text(DicomTag.SopClassUid));
        }
        catch (ImagingException damaged) when (damaged.Reason is RejectReason.NotDicom or RejectReason.DicomDamaged or RejectReason.DicomTruncated or RejectReason.DicomAttributeMissing)
        {
            return false; // whose it is cannot be told; it was listed, and is refused, by itself
        }
    }

    /// <summary>Hands the intensities of each plane over.</summary>
    private void Planes(Action<int, float[]> take, CancellationToken cancel)
    {
        var pixels = new float[_instances[0].Image.Format.PixelsPerFrame];
        if (_grid is null)
        {
            Decode((slice, values) =>
            {
                Rescale(_slices[slice].Frame, values, pixels);
                take(slice, pixels);
            }, cancel);
            return;
        }

        _least ??= Least(pixels, cancel);
        var plane = new float[_grid.PlanePixels];
        Decode((slice, values) =>
        {
            Rescale(_slices[slice].Frame, values, pixels);
            _grid.Resample(slice, pixels, plane, _least.Value);
            take(slice, plane);
        }, cancel);
    }

    /// <summary>The least intensity of all slices.</summary>
    /// <param name="pixels">Room for those of one.</param>
    private float Least(float[] pixels, CancellationToken cancel)
    {
        var least = float.PositiveInfinity;
        Decode((slice, values) =>
        {
            Rescale(_slices[slice].Frame, values, pixels);
            least = Math.Min(least, pixels.Min());
        }, cancel);
        return least;
    }

    private void Decode(Action<int, int[]> take, CancellationToken cancel)
    {
        (Instance? open, FramePixels? pixels, byte[] room) = (null, null, []);
        var values = new int[_instances[0].Image.Format.PixelsPerFrame];
        for (var slice = 0; slice < _slices.Count; slice++)
        {
            cancel.ThrowIfCancellationRequested();
            var (instance, frame) = _slices[slice];
            if (instance != open)
            {
                pixels = null; // before the next file takes its memory, where it is inflated
                pixels = PixelsOf(instance, ref room);
                open = instance;
            }

            pixels!.Decode(frame.Index, values);
            take(slice, values);
        }
    }

    /// <param name="room">Of the file before, whose pixels are no longer needed.</param>
    private FramePixels PixelsOf(Instance instance, ref byte[] room)
    {
        var bytes = instance.File.ReadWhole(ref room, instance.Name);
        if (Convert.ToHexStringLower(SHA256.HashData(bytes.Span)) != instance.Sha256)
        {
            throw new ImagingException(RejectReason.SourceChanged, $"{_name} was changed while it was being processed; run it again.");
        }

        return FramePixels.Of(DicomFile.Parse(bytes, DicomTag.Imaging, DicomTag.PixelData, instance.Name), instance.Image, instance.Name);
    }

    /// <summary>How much of each file is looked at.</summary>
    /// <param name="StartBytes">What it takes of nearly every file.</param>
    private sealed record Reading(long StartBytes, Func<ContainedFile, string, Instance> Of);

    /// <summary>A file of the series, without its bytes.</summary>
    /// <param name="Sha256">Null where only the header was read.</param>
    /// <param name="Origin">Null where it was not asked for.</param>
    public sealed record Instance(ContainedFile File, string? Sha256, long LengthBytes, DicomImage Image, string Name, bool IsDeflated, InstanceOrigin? Origin = null)
    {
        /// <summary>Memory that the file takes while it is read; inflated, what it becomes, in a buffer that grows by doubling.</summary>
        public long MemoryBytes => IsDeflated ? LengthBytes + (3L * Image.Frames.Count * Image.Format.FrameBytes) : 2 * LengthBytes;
    }
}
