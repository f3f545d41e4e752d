using System.Runtime.InteropServices;

namespace ToNNO.Imaging.Dicom.Results;

/// <summary>A heatmap as a DICOM Parametric Map (PS3.3, A.75): its float32 voxels as they are, a frame for each slice of its source.</summary>
/// <remarks>Voxels are appended in memory order as they come, so that no heatmap is held. A file counts only after <see cref="Complete"/>.</remarks>
public sealed class ParametricMap
{
    public const string SopClassUid = "1.2.840.10008.5.1.4.1.1.30";

    private const string Kind = "parametric map";
    private static readonly (string, string, string) _unit = ("1", "UCUM", "no units");

    /// <summary>Of the codes for derivations (CID 7203) none says that a network looked; this one says that frames hold what was computed of a volume.</summary>
    private static readonly (string, string, string) _derivation = ("113091", "DCM", "Spatially-related frames extracted from the volume");
    private readonly Stream _stream;
    private long _missingVoxels;

    private ParametricMap(Stream stream, long voxels) => (_stream, _missingVoxels) = (stream, voxels);

    /// <summary>The object's UID: the same result has the same.</summary>
    public static string InstanceUidOf(ResultOrigin origin) => ResultObject.UidOf(origin, Kind);

    /// <summary>Starts a file, and writes all but its voxels.</summary>
    /// <param name="stream">Left open.</param>
    /// <exception cref="ImagingException"><see cref="RejectReason.VolumeTooLarge"/>: a DICOM file holds less than 4 GiB of pixels.</exception>
    public static ParametricMap Begin(Stream stream, SourceSeries source, ResultOrigin origin)
    {
        ArgumentNullException.ThrowIfNull(stream);
        ArgumentNullException.ThrowIfNull(source);
        ArgumentNullException.ThrowIfNull(origin);
        var (uid, voxels) = (InstanceUidOf(origin), source.Header.Shape.VoxelCount);
        if (voxels * sizeof(float) >= uint.MaxValue)
        {
            throw new ImagingException(
                RejectReason.VolumeTooLarge, $"A heatmap of {source.Header.Shape} voxels takes more than the 4 GiB that a DICOM file holds: take the NIfTI file instead.");
        }

        ResultObject.WriteMeta(stream, SopClassUid, uid);
        const string Type = @"DERIVED\PRIMARY\VOLUME\NONE";
        ResultObject.Begin(source, origin, "HEATMAP", "ToNNO heatmap")
            .Text(ResultTags.SopClassUid, SopClassUid).Text(ResultTags.SopInstanceUid, uid)
            .Text(ResultTags.Modality, "OT")
            .Text(ResultTags.SeriesInstanceUid, ResultObject.SeriesUidOf(origin, Kind)).Whole(ResultTags.SeriesNumber, 9001)
            .Text(ResultTags.Laterality, "") // of the series, which the body part decides; its slices are referred to
            .Text(ResultTags.ImageType, Type)
            .Text(ResultTags.RecognizableVisualFeatures, "NO")
            .Text(ResultTags.PresentationLutShape, "IDENTITY")
            .Shorts(ResultTags.BitsAllocated, 8 * sizeof(float))
            .Sequence(ResultTags.AcquisitionContextSequence)
            .WithDimensions(ResultObject.UidOf(origin, Kind, "dimensions"), (ResultTags.ImagePositionPatient, ResultTags.PlanePositionSequence))
            .Text(ResultTags.DimensionOrganizationType, "3D")
            .Whole(ResultTags.NumberOfFrames, source.Slices.Count)
            .Sequence(ResultTags.SharedFunctionalGroupsSequence, ResultObject.SharedGroups(source)
                .Sequence(ResultTags.ParametricMapFrameTypeSequence, new WrittenSet().Text(ResultTags.FrameType, Type))
                .Sequence(ResultTags.PixelValueTransformationSequence, new WrittenSet()
                    .Decimals(ResultTags.RescaleIntercept, 0).Decimals(ResultTags.RescaleSlope, 1).Text(ResultTags.RescaleType, "US"))
                .Sequence(ResultTags.RealWorldValueMappingSequence, new WrittenSet()
                    .Text(ResultTags.LutExplanation, PlainText.Of($"ToNNO heatmap: {origin.ClassName}", 64))
                    .Text(ResultTags.LutLabel, "HEATMAP")
                    .Code(ResultTags.MeasurementUnitsCodeSequence, _unit)
                    .Double(ResultTags.RealWorldValueFirstValueMapped, origin.Minimum).Double(ResultTags.RealWorldValueLastValueMapped, origin.Maximum)
                    .Double(ResultTags.RealWorldValueIntercept, 0).Double(ResultTags.RealWorldValueSlope, 1)))
            .Sequence(ResultTags.PerFrameFunctionalGroupsSequence, source.Slices.Select((slice, k) => ResultObject.FrameGroups(slice, [k + 1], _derivation)))
            .WriteTo(stream);
        WrittenSet.WriteHead(stream, ResultTags.FloatPixelData, voxels * sizeof(float));
        return new ParametricMap(stream, voxels);
    }

    /// <summary>Writes the next voxels.</summary>
    /// <exception cref="ArgumentOutOfRangeException">They are more than the volume has.</exception>
    public void Append(ReadOnlySpan<float> voxels)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(voxels.Length, _missingVoxels, nameof(voxels));
        _missingVoxels -= voxels.Length;
        _stream.Write(MemoryMarshal.AsBytes(voxels)); // little endian, as every machine that libtorch runs on
    }

    /// <exception cref="InvalidOperationException">Voxels are missing.</exception>
    public void Complete()
    {
        if (_missingVoxels > 0)
        {
            throw new InvalidOperationException($"{_missingVoxels} voxels of the heatmap are missing.");
        }
    }
}
