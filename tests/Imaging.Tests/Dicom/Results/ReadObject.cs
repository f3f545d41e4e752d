using System.Collections.Frozen;
using System.Runtime.InteropServices;
using ToNNO.Imaging.Dicom;
using ToNNO.Tomography.Geometry;

namespace ToNNO.Imaging.Tests.Dicom.Results;

/// <summary>A DICOM result as our reader of data sets sees it.</summary>
internal sealed class ReadObject
{
    private const uint SourceImageSequence = 0x0008_2112, SourceClass = 0x0008_1150, SourceInstance = 0x0008_1155, SourceFrame = 0x0008_1160;
    private const uint DerivationImageSequence = 0x0008_9124, FloatPixelData = 0x7FE0_0008;

    private static readonly FrozenSet<uint> _kept =
    [
        .. DicomTag.Imaging, .. DicomTag.IdentifyingNames, .. DicomTag.IdentifyingNumbers, 0x0008_0005, 0x0008_0030, 0x0010_0040, 0x0012_0063, DicomTag.DeidentificationMethodCodeSequence, 0x0008_0104,
        DerivationImageSequence, SourceImageSequence, SourceClass, SourceInstance, SourceFrame, 0x0018_0088, DicomTag.SliceThickness,
        0x0008_1115, 0x0008_114A, FloatPixelData,
    ];

    public ReadObject(byte[] bytes) => Set = DicomFile.Parse(bytes, _kept, DicomTag.PixelData, "result").DataSet;

    public DataSet Set { get; }

    public IReadOnlyList<DataSet> Frames => Set.Items(DicomTag.PerFrameFunctionalGroupsSequence);

    public DataSet Shared => Assert.Single(Set.Items(DicomTag.SharedFunctionalGroupsSequence));

    public float[] Voxels => MemoryMarshal.Cast<byte, float>(Set.Find(FloatPixelData)!.Value.Span).ToArray();

    /// <summary>The frames' bits, one a byte.</summary>
    public byte[] Bits => [.. Set.Find(DicomTag.PixelData)!.Value.ToArray().SelectMany(octet => Enumerable.Range(0, 8).Select(bit => (byte)((octet >> bit) & 1)))];

    public IReadOnlyList<Vector3D> Positions => [.. Frames.Select(frame => Assert.Single(frame.Items(DicomTag.PlanePositionSequence)).Decimals(DicomTag.ImagePositionPatient)!)
        .Select(at => new Vector3D(at[0], at[1], at[2]))];

    /// <summary>By frame: class, instance, and frame where its file has several.</summary>
    public IReadOnlyList<(string? Class, string? Instance, string? Frame)> Sources => [.. Frames
        .Select(frame => Assert.Single(Assert.Single(frame.Items(DerivationImageSequence)).Items(SourceImageSequence)))
        .Select(source => (source.Text(SourceClass), source.Text(SourceInstance), source.Text(SourceFrame)))];
}
