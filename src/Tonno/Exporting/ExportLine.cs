using ToNNO.Contracts;

namespace ToNNO.Tonno.Exporting;

/// <summary>How the export of a volume ended.</summary>
internal enum ExportState
{
    Unspecified = 0,

    /// <summary>Files were written or sent.</summary>
    Exported,

    /// <summary>All was there already.</summary>
    Unchanged,

    /// <summary>There is nothing to make of it, as of a NIfTI file no DICOM.</summary>
    LeftOut,

    /// <summary>It could not be made, or not be sent.</summary>
    Refused,

    /// <summary>The volume has no result.</summary>
    NotDone,
}

/// <summary>The account of one volume.</summary>
/// <param name="Detail">One sentence: why, and what to do about it; or what is missing in what was made.</param>
/// <param name="Files">What there is of it now, from the folder on that was given.</param>
internal sealed record ExportLine(VolumeId VolumeId, ExportState State, IReadOnlyList<string> Files, string? ReasonCode = null, string? Detail = null);

/// <summary>A volume, or what it would be sent to, refuses.</summary>
/// <param name="exitCode">Of the command where there is no sense in going on; null where only this volume is concerned.</param>
internal sealed class ExportException(string code, string message, int? exitCode = null, Exception? inner = null) : Exception(message, inner)
{
    /// <summary>Stable reason code.</summary>
    public string Code { get; } = code;

    public int? ExitCode { get; } = exitCode;
}
