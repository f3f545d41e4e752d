using Azure;
using Azure.Identity;
using Azure.Storage.Blobs.Models;

namespace ToNNO.Storage.Azure;

/// <summary>Puts the client's failures into the store's terms.</summary>
internal static class AzureFailures
{
    public static bool IsConditionLost(this RequestFailedException failed) =>
        failed.Status == 412 || (failed.Status == 409 && failed.ErrorCode == BlobErrorCode.BlobAlreadyExists);

    /// <param name="path">Of the blob.</param>
    /// <param name="access">The calls to the client.</param>
    public static async Task<T> Guarded<T>(string path, Func<Task<T>> access, CancellationToken cancel)
    {
        try
        {
            return await access().ConfigureAwait(false);
        }
        catch (RequestFailedException failed)
        {
            throw Translated(path, failed);
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            throw;
        }
        catch (AuthenticationFailedException refused)
        {
            throw new BlobStoreException(BlobStoreError.Unavailable, "The blob store does not know who we are: set AZURE_STORAGE_CONNECTION_STRING, or sign in.", refused);
        }
        catch (Exception failed) when (failed is AggregateException or IOException or HttpRequestException or OperationCanceledException)
        {
            // What the client throws after its last try; a cancellation that nobody asked for is a try's deadline.
            var last = failed is AggregateException several ? several.InnerExceptions[^1] : failed;
            var how = last is OperationCanceledException ? "it did not answer in time" : last.Message;
            throw new BlobStoreException(BlobStoreError.Unavailable, $"{path} cannot be read or written, the blob store fails: {how}", failed);
        }
    }

    private static BlobStoreException Translated(string path, RequestFailedException failed)
    {
        if (failed.Status == 404)
        {
            return new BlobStoreException(BlobStoreError.NotFound, $"There is no blob {path}.", failed);
        }

        if (failed.IsConditionLost())
        {
            return new BlobStoreException(BlobStoreError.ConditionFailed, $"{path} was changed by another writer; read it again.", failed);
        }

        if (failed.ErrorCode is "InvalidUri" or "InvalidResourceName" or "OutOfRangeInput")
        {
            return BlobPaths.Refused(path, failed);
        }

        var why = failed.Status switch
        {
            401 or 403 => "it refuses us; check our rights to it",
            0 => failed.Message,
            _ => $"it answers {failed.Status} {failed.ErrorCode}",
        };
        return new BlobStoreException(BlobStoreError.Unavailable, $"{path} cannot be read or written, the blob store fails: {why}", failed);
    }
}
