namespace ToNNO.Imaging.Dicom.Results;

/// <summary>An attribute that results bear, with its value representation (PS3.6).</summary>
internal readonly record struct TypedTag(uint Tag, string Vr);

/// <summary>The attributes that results make of their own; those that they carry over stand in <see cref="CarriedAttributes"/>.</summary>
internal static class ResultTags
{
    public static readonly TypedTag MetaGroupLength = new(0x0002_0000, "UL");
    public static readonly TypedTag MetaVersion = new(0x0002_0001, "OB");
    public static readonly TypedTag MediaStorageSopClassUid = new(0x0002_0002, "UI");
    public static readonly TypedTag MediaStorageSopInstanceUid = new(0x0002_0003, "UI");
    public static readonly TypedTag TransferSyntaxUid = new(DicomTag.TransferSyntaxUid, "UI");
    public static readonly TypedTag ImplementationClassUid = new(0x0002_0012, "UI");
    public static readonly TypedTag ImplementationVersionName = new(0x0002_0013, "SH");

    public static readonly TypedTag ImageType = new(DicomTag.ImageType, "CS");
    public static readonly TypedTag SopClassUid = new(DicomTag.SopClassUid, "UI");
    public static readonly TypedTag SopInstanceUid = new(DicomTag.SopInstanceUid, "UI");
    public static readonly TypedTag SeriesDate = new(0x0008_0021, "DA");
    public static readonly TypedTag ContentDate = new(0x0008_0023, "DA");
    public static readonly TypedTag SeriesTime = new(0x0008_0031, "TM");
    public static readonly TypedTag ContentTime = new(0x0008_0033, "TM");
    public static readonly TypedTag Modality = new(DicomTag.Modality, "CS");
    public static readonly TypedTag Manufacturer = new(0x0008_0070, "LO");
    public static readonly TypedTag CodeValue = new(0x0008_0100, "SH");
    public static readonly TypedTag CodingSchemeDesignator = new(0x0008_0102, "SH");
    public static readonly TypedTag CodeMeaning = new(0x0008_0104, "LO");
    public static readonly TypedTag SeriesDescription = new(DicomTag.SeriesDescription, "LO");
    public static readonly TypedTag ManufacturerModelName = new(0x0008_1090, "LO");
    public static readonly TypedTag ReferencedSeriesSequence = new(0x0008_1115, "SQ");
    public static readonly TypedTag ReferencedInstanceSequence = new(0x0008_114A, "SQ");
    public static readonly TypedTag ReferencedSopClassUid = new(0x0008_1150, "UI");
    public static readonly TypedTag ReferencedSopInstanceUid = new(0x0008_1155, "UI");
    public static readonly TypedTag ReferencedFrameNumber = new(0x0008_1160, "IS");
    public static readonly TypedTag SourceImageSequence = new(0x0008_2112, "SQ");
    public static readonly TypedTag FrameType = new(0x0008_9007, "CS");
    public static readonly TypedTag DerivationImageSequence = new(0x0008_9124, "SQ");
    public static readonly TypedTag DerivationCodeSequence = new(0x0008_9215, "SQ");

    public static readonly TypedTag SliceThickness = new(DicomTag.SliceThickness, "DS");
    public static readonly TypedTag SpacingBetweenSlices = new(0x0018_0088, "DS");
    public static readonly TypedTag DeviceSerialNumber = new(0x0018_1000, "LO");
    public static readonly TypedTag SoftwareVersions = new(0x0018_1020, "LO");
    public static readonly TypedTag ContentQualification = new(0x0018_9004, "CS");

    public static readonly TypedTag SeriesInstanceUid = new(DicomTag.SeriesInstanceUid, "UI");
    public static readonly TypedTag SeriesNumber = new(0x0020_0011, "IS");
    public static readonly TypedTag InstanceNumber = new(0x0020_0013, "IS");
    public static readonly TypedTag ImagePositionPatient = new(DicomTag.ImagePositionPatient, "DS");
    public static readonly TypedTag ImageOrientationPatient = new(DicomTag.ImageOrientationPatient, "DS");
    public static readonly TypedTag Laterality = new(0x0020_0060, "CS");
    public static readonly TypedTag FrameContentSequence = new(0x0020_9111, "SQ");
    public static readonly TypedTag PlanePositionSequence = new(DicomTag.PlanePositionSequence, "SQ");
    public static readonly TypedTag PlaneOrientationSequence = new(DicomTag.PlaneOrientationSequence, "SQ");
    public static readonly TypedTag DimensionIndexValues = new(0x0020_9157, "UL");
    public static readonly TypedTag DimensionOrganizationUid = new(0x0020_9164, "UI");
    public static readonly TypedTag DimensionIndexPointer = new(0x0020_9165, "AT");
    public static readonly TypedTag FunctionalGroupPointer = new(0x0020_9167, "AT");
    public static readonly TypedTag DimensionOrganizationSequence = new(0x0020_9221, "SQ");
    public static readonly TypedTag DimensionIndexSequence = new(0x0020_9222, "SQ");
    public static readonly TypedTag DimensionOrganizationType = new(0x0020_9311, "CS");

    public static readonly TypedTag SamplesPerPixel = new(DicomTag.SamplesPerPixel, "US");
    public static readonly TypedTag PhotometricInterpretation = new(DicomTag.PhotometricInterpretation, "CS");
    public static readonly TypedTag NumberOfFrames = new(DicomTag.NumberOfFrames, "IS");
    public static readonly TypedTag Rows = new(DicomTag.Rows, "US");
    public static readonly TypedTag Columns = new(DicomTag.Columns, "US");
    public static readonly TypedTag PixelSpacing = new(DicomTag.PixelSpacing, "DS");
    public static readonly TypedTag BitsAllocated = new(DicomTag.BitsAllocated, "US");
    public static readonly TypedTag BitsStored = new(DicomTag.BitsStored, "US");
    public static readonly TypedTag HighBit = new(DicomTag.HighBit, "US");
    public static readonly TypedTag PixelRepresentation = new(DicomTag.PixelRepresentation, "US");
    public static readonly TypedTag BurnedInAnnotation = new(0x0028_0301, "CS");
    public static readonly TypedTag RecognizableVisualFeatures = new(0x0028_0302, "CS");
    public static readonly TypedTag RescaleIntercept = new(DicomTag.RescaleIntercept, "DS");
    public static readonly TypedTag RescaleSlope = new(DicomTag.RescaleSlope, "DS");
    public static readonly TypedTag RescaleType = new(0x0028_1054, "LO");
    public static readonly TypedTag LossyImageCompression = new(0x0028_2110, "CS");
    public static readonly TypedTag LutExplanation = new(0x0028_3003, "LO");
    public static readonly TypedTag PixelMeasuresSequence = new(DicomTag.PixelMeasuresSequence, "SQ");
    public static readonly TypedTag PixelValueTransformationSequence = new(DicomTag.PixelValueTransformationSequence, "SQ");

    public static readonly TypedTag AcquisitionContextSequence = new(0x0040_0555, "SQ");
    public static readonly TypedTag MeasurementUnitsCodeSequence = new(0x0040_08EA, "SQ");
    public static readonly TypedTag RealWorldValueMappingSequence = new(0x0040_9096, "SQ");
    public static readonly TypedTag PurposeOfReferenceCodeSequence = new(0x0040_A170, "SQ");
    public static readonly TypedTag LutLabel = new(0x0040_9210, "SH");
    public static readonly TypedTag RealWorldValueLastValueMapped = new(0x0040_9213, "FD");
    public static readonly TypedTag RealWorldValueFirstValueMapped = new(0x0040_9214, "FD");
    public static readonly TypedTag RealWorldValueIntercept = new(0x0040_9224, "FD");
    public static readonly TypedTag RealWorldValueSlope = new(0x0040_9225, "FD");
    public static readonly TypedTag ParametricMapFrameTypeSequence = new(0x0040_9092, "SQ");

    public static readonly TypedTag SegmentationType = new(0x0062_0001, "CS");
    public static readonly TypedTag SegmentSequence = new(0x0062_0002, "SQ");
    public static readonly TypedTag SegmentedPropertyCategoryCodeSequence = new(0x0062_0003, "SQ");
    public static readonly TypedTag SegmentNumber = new(0x0062_0004, "US");
    public static readonly TypedTag SegmentLabel = new(0x0062_0005, "LO");
    public static readonly TypedTag SegmentationAlgorithmIdentificationSequence = new(0x0062_0007, "SQ");
    public static readonly TypedTag SegmentAlgorithmType = new(0x0062_0008, "CS");
    public static readonly TypedTag SegmentAlgorithmName = new(0x0062_0009, "LO");
    public static readonly TypedTag SegmentIdentificationSequence = new(0x0062_000A, "SQ");
    public static readonly TypedTag ReferencedSegmentNumber = new(0x0062_000B, "US");
    public static readonly TypedTag RecommendedDisplayCieLabValue = new(0x0062_000D, "US");
    public static readonly TypedTag SegmentedPropertyTypeCodeSequence = new(0x0062_000F, "SQ");
    public static readonly TypedTag SegmentsOverlap = new(0x0062_0013, "CS");

    public static readonly TypedTag AlgorithmFamilyCodeSequence = new(0x0066_002F, "SQ");
    public static readonly TypedTag AlgorithmVersion = new(0x0066_0031, "LO");
    public static readonly TypedTag AlgorithmParameters = new(0x0066_0032, "LT");
    public static readonly TypedTag AlgorithmName = new(0x0066_0036, "LO");

    public static readonly TypedTag ContentLabel = new(0x0070_0080, "CS");
    public static readonly TypedTag ContentDescription = new(0x0070_0081, "LO");
    public static readonly TypedTag ContentCreatorName = new(0x0070_0084, "PN");

    public static readonly TypedTag PresentationLutShape = new(0x2050_0020, "CS");

    public static readonly TypedTag SharedFunctionalGroupsSequence = new(DicomTag.SharedFunctionalGroupsSequence, "SQ");
    public static readonly TypedTag PerFrameFunctionalGroupsSequence = new(DicomTag.PerFrameFunctionalGroupsSequence, "SQ");
    public static readonly TypedTag FloatPixelData = new(0x7FE0_0008, "OF");
    public static readonly TypedTag PixelData = new(DicomTag.PixelData, "OB");
    public static readonly TypedTag PixelWords = new(DicomTag.PixelData, "OW");
}
