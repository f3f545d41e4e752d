namespace ToNNO.Tonno.DicomWeb;

/// <summary>How a PACS fails whoever asks it.</summary>
internal enum PacsFault
{
    Unspecified = 0,

    /// <summary>It does not answer, answers in part, or says that it cannot now; the same request may succeed later.</summary>
    Unreachable,

    /// <summary>It does not let this program in.</summary>
    Unauthorized,

    /// <summary>There is no such service, or it does not take the search.</summary>
    AddressInvalid,

    /// <summary>It answers what DICOMweb does not allow.</summary>
    AnswerInvalid,
}

/// <summary>An expected failure of a PACS.</summary>
internal sealed class PacsException(PacsFault fault, string message, Exception? inner = null) : Exception(message, inner)
{
    public PacsFault Fault { get; } = fault;

    /// <summary>Stable reason code.</summary>
    public string Code => Fault switch
    {
        PacsFault.Unreachable => "pacs.unreachable",
        PacsFault.Unauthorized => "pacs.unauthorized",
        PacsFault.AddressInvalid => "pacs.address_invalid",
        PacsFault.AnswerInvalid => "pacs.answer_invalid",
        _ => "pacs.failed",
    };
}
