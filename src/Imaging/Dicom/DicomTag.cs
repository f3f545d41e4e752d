using System.Collections.Frozen;

namespace ToNNO.Imaging.Dicom;

/// <summary>Attributes by group and element (PS3.6): those that are read. All others are passed over, so that nothing else of a
/// patient's is ever held.</summary>
internal static class DicomTag
{
    /// <summary>Of a DICOMDIR alone.</summary>
    public const uint FirstDirectoryRecord = 0x0004_1200;

    public const uint TransferSyntaxUid = 0x0002_0010;
    public const uint ImageType = 0x0008_0008;
    public const uint SopClassUid = 0x0008_0016;
    public const uint SopInstanceUid = 0x0008_0018;
    public const uint Modality = 0x0008_0060;
    public const uint SeriesDescription = 0x0008_103E;
    public const uint FrameType = 0x0008_9007;
    public const uint DeidentificationMethodCodeSequence = 0x0012_0064;
    public const uint SliceThickness = 0x0018_0050;
    public const uint EchoTime = 0x0018_0081;
    public const uint SpacingBetweenSlices = 0x0018_0088;
    public const uint EffectiveEchoTime = 0x0018_9082;
    public const uint MrEchoSequence = 0x0018_9114;
    public const uint MrImageFrameTypeSequence = 0x0018_9226;
    public const uint CtImageFrameTypeSequence = 0x0018_9329;
    public const uint PetFrameTypeSequence = 0x0018_9751;
    public const uint StudyInstanceUid = 0x0020_000D;
    public const uint SeriesInstanceUid = 0x0020_000E;
    public const uint InstanceNumber = 0x0020_0013;
    public const uint ImagePositionPatient = 0x0020_0032;
    public const uint ImageOrientationPatient = 0x0020_0037;
    public const uint FrameOfReferenceUid = 0x0020_0052;
    public const uint StackId = 0x0020_9056;
    public const uint FrameContentSequence = 0x0020_9111;
    public const uint PlanePositionSequence = 0x0020_9113;
    public const uint PlaneOrientationSequence = 0x0020_9116;
    public const uint UnassignedSharedConvertedAttributesSequence = 0x0020_9170;
    public const uint UnassignedPerFrameConvertedAttributesSequence = 0x0020_9171;
    public const uint SamplesPerPixel = 0x0028_0002;
    public const uint PhotometricInterpretation = 0x0028_0004;
    public const uint NumberOfFrames = 0x0028_0008;
    public const uint Rows = 0x0028_0010;
    public const uint Columns = 0x0028_0011;
    public const uint PixelSpacing = 0x0028_0030;
    public const uint BitsAllocated = 0x0028_0100;
    public const uint BitsStored = 0x0028_0101;
    public const uint HighBit = 0x0028_0102;
    public const uint PixelRepresentation = 0x0028_0103;
    public const uint RescaleIntercept = 0x0028_1052;
    public const uint RescaleSlope = 0x0028_1053;
    public const uint RescaleType = 0x0028_1054;
    public const uint ModalityLutSequence = 0x0028_3000;
    public const uint PixelMeasuresSequence = 0x0028_9110;
    public const uint PixelValueTransformationSequence = 0x0028_9145;
    public const uint NumberOfSlices = 0x0054_0081;
    public const uint Units = 0x0054_1001;
    public const uint SharedFunctionalGroupsSequence = 0x5200_9229;
    public const uint PerFrameFunctionalGroupsSequence = 0x5200_9230;
    public const uint PixelData = 0x7FE0_0010;

    public const uint Item = 0xFFFE_E000;
    public const uint ItemDelimitation = 0xFFFE_E00D;
    public const uint SequenceDelimitation = 0xFFFE_E0DD;

    /// <summary>Says that the patient cannot be told from the rest (YES).</summary>
    public const uint PatientIdentityRemoved = 0x0012_0062;

    public const uint SpecificCharacterSet = 0x0008_0005;
    private const uint StudyDate = 0x0008_0020;
    private const uint AccessionNumber = 0x0008_0050;
    private const uint ReferringPhysicianName = 0x0008_0090;
    public const uint PatientName = 0x0010_0010;
    public const uint PatientId = 0x0010_0020;
    private const uint PatientBirthDate = 0x0010_0030;
    private const uint OtherPatientIds = 0x0010_1000;
    private const uint OtherPatientNames = 0x0010_1001;
    private const uint StudyId = 0x0020_0010;

    /// <summary>What a folder's name may repeat of the patient. Looked at while sources are listed, and then forgotten.</summary>
    public static readonly FrozenSet<uint> IdentifyingNames = [ReferringPhysicianName, PatientName, OtherPatientNames];

    /// <inheritdoc cref="IdentifyingNames"/>
    public static readonly FrozenSet<uint> IdentifyingNumbers = [StudyDate, AccessionNumber, PatientId, PatientBirthDate, OtherPatientIds, StudyId];

    /// <summary>What tells a series and its kind.</summary>
    public static readonly FrozenSet<uint> Listing =
        [FirstDirectoryRecord, ImageType, SopClassUid, SopInstanceUid, StudyInstanceUid, SeriesInstanceUid, PatientIdentityRemoved, .. IdentifyingNames, .. IdentifyingNumbers];

    /// <summary>The last of <see cref="Listing"/>.</summary>
    public const uint LastListed = StudyId;

    /// <summary>What series are chosen by, besides. A description may name anything: it is looked at while sources are listed, and then forgotten.</summary>
    public static readonly FrozenSet<uint> Choosing =
        [.. Listing, SpecificCharacterSet, Modality, SeriesDescription, SliceThickness, NumberOfFrames, PixelMeasuresSequence, SharedFunctionalGroupsSequence];

    /// <summary>What it takes to place and decode an image.</summary>
    public static readonly FrozenSet<uint> Imaging =
    [
        ImageType, SopClassUid, Modality, SeriesInstanceUid, ImagePositionPatient, ImageOrientationPatient, FrameOfReferenceUid,
        PlanePositionSequence, PlaneOrientationSequence, SamplesPerPixel, PhotometricInterpretation, NumberOfFrames, Rows, Columns, PixelSpacing,
        BitsAllocated, BitsStored, HighBit, PixelRepresentation, RescaleIntercept, RescaleSlope, ModalityLutSequence, PixelMeasuresSequence,
        PixelValueTransformationSequence, NumberOfSlices, PatientId, StudyInstanceUid, EchoTime, RescaleType, Units, SliceThickness, SpacingBetweenSlices, InstanceNumber,
        FrameType, EffectiveEchoTime, MrEchoSequence, MrImageFrameTypeSequence, CtImageFrameTypeSequence, PetFrameTypeSequence, StackId, FrameContentSequence,
        UnassignedSharedConvertedAttributesSequence, UnassignedPerFrameConvertedAttributesSequence, SharedFunctionalGroupsSequence, PerFrameFunctionalGroupsSequence, PixelData,
    ];

    public static readonly FrozenSet<uint> Meta = [TransferSyntaxUid];

    /// <summary>Those kept that are sequences: where value representations are implicit, nothing else tells.</summary>
    public static bool IsSequence(uint tag) => tag is PlanePositionSequence or PlaneOrientationSequence or ModalityLutSequence or PixelMeasuresSequence
        or DeidentificationMethodCodeSequence or PixelValueTransformationSequence or SharedFunctionalGroupsSequence or PerFrameFunctionalGroupsSequence
        or MrEchoSequence or MrImageFrameTypeSequence or CtImageFrameTypeSequence or PetFrameTypeSequence or FrameContentSequence
        or UnassignedSharedConvertedAttributesSequence or UnassignedPerFrameConvertedAttributesSequence;
}
