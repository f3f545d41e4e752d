namespace ToNNO.Imaging;

/// <summary>A volume, or a result, that imaging refuses: the expected failure of this boundary.</summary>
/// <remarks>Its cause lies in the bytes, so trying again gives the same answer. A stream that the caller opened and
/// that fails while it is read (a network, a disk) throws its own exception, unchanged.</remarks>
public sealed class ImagingException : Exception
{
    /// <param name="reason">Why, for programs.</param>
    /// <param name="message">One sentence: what is wrong, in which file, and what to do about it.</param>
    /// <param name="innerException">What was caught, if anything.</param>
    public ImagingException(RejectReason reason, string message, Exception? innerException = null)
        : base(message, innerException) => Reason = reason;

    public RejectReason Reason { get; }

    /// <summary>True where the file was not to be had, so that the bytes may be sound: another node, or a later look, may tell otherwise.</summary>
    public bool IsOutOfReach => Reason is RejectReason.FileMissing or RejectReason.FileUnreadable;

    /// <summary>The stable code of <see cref="Reason"/>.</summary>
    public string Code => Reason.Code();
}
