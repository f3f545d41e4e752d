namespace ToNNO.Imaging.Dicom;

/// <summary>Kinds of DICOM objects by their SOP class (PS3.4, annex B).</summary>
internal static class ImageKinds
{
    private const string Storage = "1.2.840.10008.5.1.4.1.1.";

    /// <summary>The classes whose images are slices of a volume.</summary>
    public static bool IsStack(string? sopClass) => sopClass is
        Storage + "2" or Storage + "2.1" or Storage + "2.2" // CT: plain, Enhanced, converted to it
        or Storage + "4" or Storage + "4.1" or Storage + "4.4" // MR
        or Storage + "128" or Storage + "128.1" or Storage + "130"; // PET

    public static DicomRole RoleOf(string sopClass) => IsStack(sopClass) ? DicomRole.Slice : HasPixels(sopClass) ? DicomRole.OtherImage : DicomRole.NotImage;

    private static bool HasPixels(string sopClass) => sopClass.StartsWith(Storage, StringComparison.Ordinal) && !(
        sopClass[Storage.Length..].Split('.') is
            ["9", ..] // waveforms
            or ["11", ..] // presentation states
            or ["66"] or ["66", "1" or "2" or "3" or "5" or "6"] // raw data, registrations, fiducials, surfaces, tractography
            or ["67"] // real world value maps
            or ["88", ..] // reports, key objects
            or ["104", ..] // documents
            or ["481", not ("1" or "2")]); // radiotherapy structures and plans, but not its images and doses
}
