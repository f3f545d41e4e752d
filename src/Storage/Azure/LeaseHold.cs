using Azure;
using Azure.Storage.Blobs.Models;
using Azure.Storage.Blobs.Specialized;

namespace ToNNO.Storage.Azure;

/// <summary>Holds a store by a lease on a blob, which is renewed until the hold is given up.</summary>
internal sealed class LeaseHold : IStoreHold
{
    private readonly BlobLeaseClient _lease;
    private readonly AzureStoreOptions _options;
    private readonly CancellationTokenSource _stopping = new();
    private readonly CancellationTokenSource _lost = new();
    private readonly Task _renewing;

    private LeaseHold(BlobLeaseClient lease, AzureStoreOptions options, TimeProvider time)
    {
        (_lease, _options) = (lease, options);
        _renewing = RenewAsync(time);
    }

    public CancellationToken Lost => _lost.Token;

    /// <param name="store">Its address, for what the user is told.</param>
    public static Task<IStoreHold> TakeAsync(BlockBlobClient blob, string store, AzureStoreOptions options, TimeProvider time, CancellationToken cancel) =>
        AzureFailures.Guarded<IStoreHold>(store, async () =>
        {
            try
            {
                await blob.UploadAsync(Stream.Null, new BlobUploadOptions { Conditions = new BlobRequestConditions { IfNoneMatch = global::Azure.ETag.All } }, cancel).ConfigureAwait(false);
            }
            catch (RequestFailedException there) when (there.IsConditionLost() || IsOthers(there))
            {
                // It is there, which is all that is wanted.
            }

            var lease = blob.GetBlobLeaseClient();
            try
            {
                await lease.AcquireAsync(options.HoldFor, cancellationToken: cancel).ConfigureAwait(false);
            }
            catch (RequestFailedException held) when (IsOthers(held))
            {
                throw new BlobStoreException(
                    BlobStoreError.InUse,
                    $"Another run is writing to {store}; wait until it ends, or choose another place. The hold of one that died ends within {options.HoldFor.TotalSeconds:F0} seconds.",
                    held);
            }

            return new LeaseHold(lease, options, time);
        }, cancel);

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync().ConfigureAwait(false);
        await _renewing.ConfigureAwait(false);
        try
        {
            using var deadline = new CancellationTokenSource(_options.TryTimeout);
            await _lease.ReleaseAsync(cancellationToken: deadline.Token).ConfigureAwait(false);
        }
        catch (Exception failed) when (IsFailure(failed))
        {
            // The lease then ends by itself.
        }

        _stopping.Dispose();
        _lost.Dispose();
    }

    private static bool IsOthers(RequestFailedException failed) => failed.Status is 409 or 412
        && (failed.ErrorCode == BlobErrorCode.LeaseAlreadyPresent || failed.ErrorCode == BlobErrorCode.LeaseIdMissing
            || failed.ErrorCode == BlobErrorCode.LeaseIdMismatchWithLeaseOperation);

    private static bool IsFailure(Exception failed) =>
        failed is RequestFailedException or AggregateException or OperationCanceledException or IOException or HttpRequestException;

    private async Task RenewAsync(TimeProvider time)
    {
        var every = _options.HoldFor / 3;
        using var timer = new PeriodicTimer(every, time);
        while (await TickAsync(timer).ConfigureAwait(false))
        {
            using var deadline = CancellationTokenSource.CreateLinkedTokenSource(_stopping.Token);
            deadline.CancelAfter(every);
            try
            {
                // Taking a lease again by its own id renews it, also one that ended meanwhile and that nobody took.
                await _lease.AcquireAsync(_options.HoldFor, cancellationToken: deadline.Token).ConfigureAwait(false);
            }
            catch (RequestFailedException taken) when (IsOthers(taken))
            {
                await _lost.CancelAsync().ConfigureAwait(false);
                return;
            }
            catch (Exception failed) when (IsFailure(failed))
            {
                // The next try may do; whoever needs the store meanwhile hears of its failure.
            }
        }
    }

    private async Task<bool> TickAsync(PeriodicTimer timer)
    {
        try
        {
            return await timer.WaitForNextTickAsync(_stopping.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }
}
