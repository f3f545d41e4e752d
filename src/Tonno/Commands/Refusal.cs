using ToNNO.Encoders;
using ToNNO.Imaging;
using ToNNO.Storage;
using ToNNO.Tonno.Exporting;

namespace ToNNO.Tonno.Commands;

/// <summary>An expected failure, as the user is told of it.</summary>
internal sealed record Refusal(string Code, string Message, int ExitCode)
{
    /// <returns>Null for what nobody expected: that escapes, with its stack.</returns>
    public static Refusal? Of(Exception error) => error switch
    {
        CommandException command => new(command.Code, command.Message, command.ExitCode),
        ExportException export => new(export.Code, export.Message, export.ExitCode ?? ExitCodes.NothingDone),
        EncoderException encoder => new(encoder.Code, encoder.Message, ExitCodes.Usage),
        BlobStoreException { Error: BlobStoreError.Unavailable or BlobStoreError.InvalidAddress or BlobStoreError.NoIdentity } store => new(store.Code, store.Message, ExitCodes.Usage),
        BlobStoreException store => new(store.Code, store.Message, ExitCodes.NothingDone),
        ImagingException imaging => new(imaging.Code, imaging.Message, ExitCodes.NothingDone),
        AggregateException { InnerException: { } inner } => Of(inner), // of work that ran in parallel
        _ => null,
    };
}
