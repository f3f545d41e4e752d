using System.Globalization;
using ToNNO.Tomography.Geometry;

namespace ToNNO.Imaging.Dicom.Results;

/// <summary>A heatmap above a bound as a DICOM Segmentation (PS3.3, A.51) of one segment: a bit for each voxel, in frames that lie where the slices
/// of its source lie.</summary>
/// <remarks>Voxels are appended in memory order as they come; their bits are held. Frames without a voxel of the segment are left out. Where all
/// are, none is: an object of empty frames says that nothing was found, which is not the same as not to have looked.</remarks>
public sealed class Segmentation
{
    public const string SopClassUid = "1.2.840.10008.5.1.4.1.1.66.4";

    private const string Kind = "segmentation";
    private static readonly (string, string, string) _category = ("49755003", "SCT", "Morphologically Abnormal Structure");
    private static readonly (string, string, string) _type = ("52988006", "SCT", "Lesion");
    private static readonly (string, string, string) _family = ("123109", "DCM", "Artificial Intelligence");
    private static readonly (string, string, string) _derivation = ("113076", "DCM", "Segmentation");

    /// <summary>An orange, as L*, a* and b* of CIE Lab over the 16 bits of each (PS3.3, C.10.7.1.1).</summary>
    private static readonly int[] _colour = [44_000, 42_000, 50_000];

    private readonly double _bound;
    private readonly int _framePixels;
    private readonly byte[] _bits;
    private readonly List<int> _frames = [];
    private readonly int _frameCount;
    private long _taken;
    private bool _isMarked;

    /// <param name="shape">Of the heatmap.</param>
    /// <param name="bound">See <see cref="HeatmapMask"/>.</param>
    /// <exception cref="ArgumentOutOfRangeException">The bound is not finite.</exception>
    public Segmentation(VolumeShape shape, double bound)
    {
        if (!double.IsFinite(bound))
        {
            throw new ArgumentOutOfRangeException(nameof(bound), bound, "A bound is finite.");
        }

        (_bound, _framePixels, _frameCount) = (bound, checked(shape.I * shape.J), shape.K);
        _bits = new byte[(shape.VoxelCount + 7) / 8];
    }

    /// <summary>The object's UID: the same result at the same bound has the same.</summary>
    public static string InstanceUidOf(ResultOrigin origin, double bound) => ResultObject.UidOf(origin, Kind, BoundText(bound));

    /// <summary>Takes the next voxels.</summary>
    /// <exception cref="ArgumentOutOfRangeException">They are more than the volume has.</exception>
    public void Append(ReadOnlySpan<float> voxels)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(voxels.Length, ((long)_framePixels * _frameCount) - _taken, nameof(voxels));
        Span<byte> mask = stackalloc byte[1 << 10];
        while (voxels.Length > 0)
        {
            var inFrame = (int)(_taken % _framePixels);
            var count = Math.Min(Math.Min(voxels.Length, mask.Length), _framePixels - inFrame);
            HeatmapMask.Write(voxels[..count], _bound, mask[..count]);
            // Frames follow each other without a gap of bits, so an empty one is written over by the next (PS3.5, 8.1.1).
            var first = ((long)_frames.Count * _framePixels) + inFrame;
            for (var at = 0; at < count; at++)
            {
                _bits[(first + at) >> 3] |= (byte)(mask[at] << (int)((first + at) & 7));
                _isMarked |= mask[at] != 0;
            }

            _taken += count;
            voxels = voxels[count..];
            if (inFrame + count == _framePixels)
            {
                EndFrame((int)(_taken / _framePixels) - 1);
            }
        }
    }

    /// <summary>Writes the file.</summary>
    /// <param name="stream">Left open.</param>
    /// <exception cref="InvalidOperationException">Voxels are missing.</exception>
    public void Write(Stream stream, SourceSeries source, ResultOrigin origin)
    {
        ArgumentNullException.ThrowIfNull(stream);
        ArgumentNullException.ThrowIfNull(source);
        ArgumentNullException.ThrowIfNull(origin);
        if (_taken < (long)_framePixels * _frameCount)
        {
            throw new InvalidOperationException($"{((long)_framePixels * _frameCount) - _taken} voxels of the heatmap are missing.");
        }

        var frames = _frames.Count > 0 ? _frames : [.. Enumerable.Range(0, _frameCount)];
        var uid = InstanceUidOf(origin, _bound);
        ResultObject.WriteMeta(stream, SopClassUid, uid);
        ResultObject.Begin(source, origin, "SEGMENTATION", "ToNNO segmentation")
            .Text(ResultTags.SopClassUid, SopClassUid).Text(ResultTags.SopInstanceUid, uid)
            .Text(ResultTags.Modality, "SEG")
            .Text(ResultTags.SeriesInstanceUid, ResultObject.SeriesUidOf(origin, Kind, BoundText(_bound))).Whole(ResultTags.SeriesNumber, 9002)
            .Text(ResultTags.ImageType, @"DERIVED\PRIMARY")
            .Shorts(ResultTags.BitsAllocated, 1).Shorts(ResultTags.BitsStored, 1).Shorts(ResultTags.HighBit, 0).Shorts(ResultTags.PixelRepresentation, 0)
            .Text(ResultTags.SegmentationType, "BINARY")
            .Text(ResultTags.SegmentsOverlap, "NO")
            .Sequence(ResultTags.SegmentSequence, Segment(origin))
            .WithDimensions(
                ResultObject.UidOf(origin, Kind, BoundText(_bound), "dimensions"),
                (ResultTags.ReferencedSegmentNumber, ResultTags.SegmentIdentificationSequence),
                (ResultTags.ImagePositionPatient, ResultTags.PlanePositionSequence))
            .Whole(ResultTags.NumberOfFrames, frames.Count)
            .Sequence(ResultTags.SharedFunctionalGroupsSequence, ResultObject.SharedGroups(source)
                .Sequence(ResultTags.SegmentIdentificationSequence, new WrittenSet().Shorts(ResultTags.ReferencedSegmentNumber, 1)))
            .Sequence(
                ResultTags.PerFrameFunctionalGroupsSequence,
                frames.Select((k, at) => ResultObject.FrameGroups(source.Slices[k], [1, at + 1], _derivation)))
            .WriteTo(stream);
        var length = (int)((((long)frames.Count * _framePixels) + 7) / 8);
        WrittenSet.WriteHead(stream, ResultTags.PixelData, length + (length % 2));
        stream.Write(_bits, 0, length);
        stream.Write(new byte[length % 2]);
    }

    private void EndFrame(int k)
    {
        if (_isMarked)
        {
            _frames.Add(k);
        }

        _isMarked = false;
    }

    private WrittenSet Segment(ResultOrigin origin)
    {
        var name = PlainText.Of($"ToNNO {origin.ModelName}", 64);
        return new WrittenSet()
            .Shorts(ResultTags.SegmentNumber, 1)
            .Text(ResultTags.SegmentLabel, PlainText.Of(origin.ClassName, 64) is { Length: > 0 } label ? label : "lesion")
            .Text(ResultTags.SegmentAlgorithmType, "AUTOMATIC")
            .Text(ResultTags.SegmentAlgorithmName, name)
            .Sequence(ResultTags.SegmentationAlgorithmIdentificationSequence, new WrittenSet()
                .Code(ResultTags.AlgorithmFamilyCodeSequence, _family)
                .Text(ResultTags.AlgorithmName, name)
                .Text(ResultTags.AlgorithmVersion, PlainText.Of(origin.Version, 64))
                .Text(ResultTags.AlgorithmParameters, PlainText.Of(string.Join("; ", [.. origin.Parameters, $"bound {BoundText(_bound)}"]), 10_240)))
            .Code(ResultTags.SegmentedPropertyCategoryCodeSequence, _category)
            .Code(ResultTags.SegmentedPropertyTypeCodeSequence, _type)
            .Shorts(ResultTags.RecommendedDisplayCieLabValue, _colour);
    }

    private static string BoundText(double bound) => bound.ToString("R", CultureInfo.InvariantCulture);
}
