namespace ToNNO.Imaging;

/// <summary>Why imaging refused a volume. <see cref="RejectReasons.Code"/> is the name that leaves the program.</summary>
public enum RejectReason
{
    Unspecified = 0,
    FileMissing = 1,
    FileUnreadable = 2,
    NotNifti = 10,
    NiftiTruncated = 11,
    NiftiCorruptGzip = 12,
    NiftiHeaderInvalid = 13,
    NiftiPairIncomplete = 14,
    NiftiRgb = 15,
    NiftiComplex = 16,
    NiftiDatatypeUnsupported = 17,
    VolumeNot3D = 30,
    VolumeTooLarge = 31,
    VolumeNonFinite = 32,
    VolumeGeometryInvalid = 33,
    SourceChanged = 34,

    /// <summary>The channels of a volume do not meet.</summary>
    ChannelsApart = 35,

    /// <summary>There are not as many files as the model has channels.</summary>
    ChannelsIncomplete = 36,

    /// <summary>All voxels are alike, so that no intensity window can be made of them.</summary>
    VolumeUniform = 37,

    /// <summary>The frame that was asked for is not there.</summary>
    VolumeFrameMissing = 38,
    HeatmapGridDiffers = 50,
    HeatmapNonFinite = 51,
    ResultNameTaken = 52,

    /// <summary>One direction's class activation maps take more memory than one array may.</summary>
    StackTooLarge = 53,

    /// <summary>No zip file, so no <c>.npz</c>.</summary>
    SinogramNotNpz = 60,

    /// <summary>Its bytes are not those that were written.</summary>
    SinogramDamaged = 61,
    SinogramArrayMissing = 62,

    /// <summary>An array's type, shape or values.</summary>
    SinogramArrayInvalid = 63,

    /// <summary>Arrays that contradict each other.</summary>
    SinogramInconsistent = 64,
    SinogramTooLarge = 65,

    /// <summary>No DICOM file.</summary>
    NotDicom = 70,

    /// <summary>Its attributes cannot be read.</summary>
    DicomDamaged = 71,
    DicomTruncated = 72,

    /// <summary>What it takes to place or decode the image is missing, or no sound value.</summary>
    DicomAttributeMissing = 73,

    /// <summary>Attributes that contradict each other.</summary>
    DicomAttributeInvalid = 74,

    /// <summary>A transfer syntax without a decoder.</summary>
    DicomSyntaxUnsupported = 75,

    /// <summary>Compressed pixels that are damaged.</summary>
    DicomPixelsDamaged = 76,

    /// <summary>Pixels of a form that is not read.</summary>
    DicomPixelsUnsupported = 77,
    DicomColour = 78,

    /// <summary>Slices side by side in one picture.</summary>
    DicomMosaic = 79,

    /// <summary>Structures, reports and so on: no pixels.</summary>
    DicomNotImage = 80,

    /// <summary>An image of a kind that makes no volume.</summary>
    DicomNotAStack = 81,

    /// <summary>An overview to plan slices on.</summary>
    DicomLocalizer = 82,

    /// <summary>A series for a model of several channels, which are told by file names.</summary>
    DicomOneChannel = 83,
    DicomMixedSeries = 84,
    DicomMixedOrientations = 85,
    DicomMixedPositions = 86,
    DicomDuplicatePositions = 87,
    DicomMissingSlices = 88,
    DicomUnevenSpacing = 89,
    DicomGantryTilt = 90,

    /// <summary>A series in several places that do not hold the same files.</summary>
    DicomSplitSeries = 91,
    ZipDamaged = 100,

    /// <summary>A zip without volumes.</summary>
    ZipEmpty = 101,
}

public static class RejectReasons
{
    /// <summary>The stable code of a reason, as ledgers, logs and the command line show it; never renamed.</summary>
    public static string Code(this RejectReason reason) => reason switch
    {
        RejectReason.FileMissing => "file.missing",
        RejectReason.FileUnreadable => "file.unreadable",
        RejectReason.NotNifti => "nifti.not_nifti",
        RejectReason.NiftiTruncated => "nifti.truncated",
        RejectReason.NiftiCorruptGzip => "nifti.corrupt_gzip",
        RejectReason.NiftiHeaderInvalid => "nifti.header_invalid",
        RejectReason.NiftiPairIncomplete => "nifti.pair_incomplete",
        RejectReason.NiftiRgb => "nifti.rgb",
        RejectReason.NiftiComplex => "nifti.complex",
        RejectReason.NiftiDatatypeUnsupported => "nifti.datatype_unsupported",
        RejectReason.VolumeNot3D => "volume.not_3d",
        RejectReason.VolumeTooLarge => "volume.too_large",
        RejectReason.VolumeNonFinite => "volume.non_finite",
        RejectReason.VolumeGeometryInvalid => "volume.geometry_invalid",
        RejectReason.SourceChanged => "source.changed",
        RejectReason.ChannelsApart => "channels.apart",
        RejectReason.ChannelsIncomplete => "channels.incomplete",
        RejectReason.VolumeFrameMissing => "volume.frame_missing",
        RejectReason.VolumeUniform => "volume.uniform",
        RejectReason.HeatmapGridDiffers => "heatmap.grid_differs",
        RejectReason.ResultNameTaken => "result.name_taken",
        RejectReason.StackTooLarge => "cam.stack_too_large",
        RejectReason.HeatmapNonFinite => "heatmap.non_finite",
        RejectReason.SinogramNotNpz => "sinogram.not_npz",
        RejectReason.SinogramDamaged => "sinogram.damaged",
        RejectReason.SinogramArrayMissing => "sinogram.array_missing",
        RejectReason.SinogramArrayInvalid => "sinogram.array_invalid",
        RejectReason.SinogramInconsistent => "sinogram.inconsistent",
        RejectReason.SinogramTooLarge => "sinogram.too_large",
        RejectReason.NotDicom => "dicom.not_dicom",
        RejectReason.DicomDamaged => "dicom.damaged",
        RejectReason.DicomTruncated => "dicom.truncated",
        RejectReason.DicomAttributeMissing => "dicom.attribute_missing",
        RejectReason.DicomAttributeInvalid => "dicom.attribute_invalid",
        RejectReason.DicomSyntaxUnsupported => "dicom.syntax_unsupported",
        RejectReason.DicomPixelsDamaged => "dicom.pixels_damaged",
        RejectReason.DicomPixelsUnsupported => "dicom.pixels_unsupported",
        RejectReason.DicomColour => "dicom.colour",
        RejectReason.DicomMosaic => "dicom.mosaic",
        RejectReason.DicomNotImage => "dicom.not_image",
        RejectReason.DicomNotAStack => "dicom.not_a_stack",
        RejectReason.DicomLocalizer => "dicom.localizer",
        RejectReason.DicomOneChannel => "dicom.one_channel",
        RejectReason.DicomMixedSeries => "dicom.mixed_series",
        RejectReason.DicomMixedOrientations => "dicom.mixed_orientations",
        RejectReason.DicomMixedPositions => "dicom.mixed_positions",
        RejectReason.DicomDuplicatePositions => "dicom.duplicate_positions",
        RejectReason.DicomMissingSlices => "dicom.missing_slices",
        RejectReason.DicomUnevenSpacing => "dicom.uneven_spacing",
        RejectReason.DicomGantryTilt => "dicom.gantry_tilt",
        RejectReason.DicomSplitSeries => "dicom.split_series",
        RejectReason.ZipDamaged => "zip.damaged",
        RejectReason.ZipEmpty => "zip.empty",
        _ => "unspecified",
    };
}
