using System.Runtime.CompilerServices;
using Azure;
using Azure.Storage.Blobs;
using Azure.Storage.Blobs.Models;
using Azure.Storage.Blobs.Specialized;

namespace ToNNO.Storage.Azure;

/// <summary>A store in a container of Azure Blob Storage, all of it or what lies under a prefix. An ETag is the service's.</summary>
/// <remarks>Each write bears a mark of its own. The client repeats a write whose answer was lost, and finds the condition broken that its
/// first try met: the mark tells that what is there is what it wrote.</remarks>
public sealed class AzureBlobStore : IBlobStore
{
    /// <summary>Metadata of a blob: which write it comes of.</summary>
    private const string WriteMark = "tonnowrite";

    private readonly BlobContainerClient _container;
    private readonly string _prefix;
    private readonly AzureStoreOptions _options;
    private readonly TimeProvider _time;
    private volatile bool _containerStands;

    /// <param name="container">Made on the first write, where it is not there and we may.</param>
    /// <param name="prefix">What all paths begin with, without a '/' at its end; empty for the whole container.</param>
    internal AzureBlobStore(BlobContainerClient container, string prefix, AzureStoreOptions options, TimeProvider time)
    {
        (_container, _options, _time) = (container, options, time);
        _prefix = prefix.Length == 0 ? "" : prefix + "/";
    }

    public override string ToString() => $"azure://{_container.Name}/{_prefix}".TrimEnd('/');

    public Task<BlobContent> ReadAsync(string path, CancellationToken cancel) => Guarded(path, async blob =>
    {
        var content = (await blob.DownloadContentAsync(cancel).ConfigureAwait(false)).Value;
        return new BlobContent(content.Content.ToMemory(), Tag(content.Details.ETag));
    }, cancel);

    public Task<Stream> OpenReadAsync(string path, CancellationToken cancel) =>
        Guarded<Stream>(path, async blob => await RangedReadStream.OpenAsync(blob, path, _options, cancel).ConfigureAwait(false), cancel);

    public Task<ETag?> FindAsync(string path, CancellationToken cancel) => Guarded<ETag?>(path, async blob =>
    {
        try
        {
            return Tag((await blob.GetPropertiesAsync(cancellationToken: cancel).ConfigureAwait(false)).Value.ETag);
        }
        catch (RequestFailedException missing) when (missing.Status == 404)
        {
            return null;
        }
    }, cancel);

    public Task<ETag> WriteAsync(string path, ReadOnlyMemory<byte> content, WriteCondition condition, CancellationToken cancel) =>
        WriteAsync(path, (stream, token) => stream.WriteAsync(content, token).AsTask(), condition, cancel);

    public Task<ETag> WriteAsync(string path, Func<Stream, CancellationToken, Task> write, CancellationToken cancel) =>
        WriteAsync(path, write, WriteCondition.Always, cancel);

    public Task MoveAsync(string source, string target, WriteCondition condition, CancellationToken cancel) => Guarded(source, async from =>
    {
        var to = Blob(target);
        await MarkedAsync(to, target, async mark =>
        {
            var copy = await to.StartCopyFromUriAsync(
                from.Uri, new BlobCopyFromUriOptions { DestinationConditions = Conditions(condition), Metadata = mark }, cancel).ConfigureAwait(false);
            await CopiedAsync(copy, to, cancel).ConfigureAwait(false);
            return default;
        }, cancel).ConfigureAwait(false);
        await from.DeleteIfExistsAsync(DeleteSnapshotsOption.IncludeSnapshots, cancellationToken: cancel).ConfigureAwait(false);
        return true;
    }, cancel);

    public Task DeleteAsync(string path, CancellationToken cancel) => DeleteAsync(path, null, cancel);

    public Task DeleteAsync(string path, ETag match, CancellationToken cancel) =>
        DeleteAsync(path, Conditions(WriteCondition.IfMatch(match)), cancel);

    public async IAsyncEnumerable<string> ListAsync(string prefix, [EnumeratorCancellation] CancellationToken cancel)
    {
        _ = BlobPaths.RequirePrefix(prefix);
        var pages = _container.GetBlobsAsync(new GetBlobsOptions { Prefix = _prefix + prefix }, cancel).AsPages().GetAsyncEnumerator(cancel);
        await using (pages.ConfigureAwait(false))
        {
            while (await NextAsync().ConfigureAwait(false))
            {
                foreach (var blob in pages.Current.Values)
                {
                    cancel.ThrowIfCancellationRequested();
                    if (blob.Name[_prefix.Length..] is var path && !BlobPaths.IsOwn(path))
                    {
                        yield return path;
                    }
                }
            }
        }

        Task<bool> NextAsync() => AzureFailures.Guarded(prefix, async () =>
        {
            try
            {
                return await pages.MoveNextAsync().ConfigureAwait(false);
            }
            catch (RequestFailedException missing) when (missing.Status == 404)
            {
                return false; // no container yet
            }
        }, cancel);
    }

    public async Task<IStoreHold> HoldAsync(CancellationToken cancel)
    {
        await RequireContainerAsync(cancel).ConfigureAwait(false);
        return await LeaseHold.TakeAsync(_container.GetBlockBlobClient(_prefix + BlobPaths.InUse), this.ToString(), _options, _time, cancel).ConfigureAwait(false);
    }

    /// <summary>Blocks that were never committed are nobody's to see; Azure drops them after a week.</summary>
    public Task<int> RemoveRemnantsAsync(CancellationToken cancel) => Task.FromResult(0);

    private static ETag Tag(global::Azure.ETag tag) => new(tag.ToString());

    private static BlobRequestConditions? Conditions(WriteCondition condition) =>
        condition.MustBeAbsent ? new BlobRequestConditions { IfNoneMatch = global::Azure.ETag.All }
        : condition.MustMatch is { } match ? new BlobRequestConditions { IfMatch = new global::Azure.ETag(match.Value) }
        : null;

    private async Task<ETag> WriteAsync(string path, Func<Stream, CancellationToken, Task> write, WriteCondition condition, CancellationToken cancel)
    {
        var blob = Blob(path);
        await RequireContainerAsync(cancel).ConfigureAwait(false);
        var stream = new BlockWriteStream(blob, path, _options, cancel);
        await using (stream.ConfigureAwait(false))
        {
            await write(stream, cancel).ConfigureAwait(false);
            return await AzureFailures.Guarded(
                path, () => MarkedAsync(blob, path, mark => stream.CompleteAsync(Conditions(condition), mark), cancel), cancel).ConfigureAwait(false);
        }
    }

    private Task<bool> DeleteAsync(string path, BlobRequestConditions? conditions, CancellationToken cancel) => Guarded(path, async blob =>
    {
        try
        {
            await blob.DeleteIfExistsAsync(DeleteSnapshotsOption.IncludeSnapshots, conditions, cancel).ConfigureAwait(false);
        }
        catch (RequestFailedException missing) when (missing.Status == 404)
        {
            // no container yet
        }
        catch (RequestFailedException lost) when (lost.IsConditionLost())
        {
            if (await blob.ExistsAsync(cancel).ConfigureAwait(false))
            {
                throw; // else no condition holds of what is gone
            }
        }

        return true;
    }, cancel);

    /// <summary>Puts a mark on what <paramref name="change"/> writes, and knows by it that a broken condition was broken by itself.</summary>
    /// <returns>The tag of what was written.</returns>
    private static async Task<ETag> MarkedAsync(
        BlockBlobClient blob, string path, Func<Dictionary<string, string>, Task<global::Azure.ETag>> change, CancellationToken cancel)
    {
        var mark = Guid.NewGuid().ToString("N");
        try
        {
            return Tag(await change(new Dictionary<string, string>(StringComparer.Ordinal) { [WriteMark] = mark }).ConfigureAwait(false));
        }
        catch (RequestFailedException lost) when (lost.IsConditionLost())
        {
            var found = await AzureFailures.Guarded(path, () => blob.ExistsAsync(cancel), cancel).ConfigureAwait(false)
                ? (await blob.GetPropertiesAsync(cancellationToken: cancel).ConfigureAwait(false)).Value
                : null;
            if (found?.Metadata.TryGetValue(WriteMark, out var there) == true && there == mark)
            {
                return Tag(found.ETag);
            }

            throw new BlobStoreException(BlobStoreError.ConditionFailed, $"{path} was changed by another writer; read it again.", lost);
        }
    }

    private async Task CopiedAsync(CopyFromUriOperation copy, BlockBlobClient target, CancellationToken cancel)
    {
        if (copy.HasCompleted)
        {
            return;
        }

        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        deadline.CancelAfter(_options.CopyTimeout);
        try
        {
            await copy.WaitForCompletionAsync(TimeSpan.FromMilliseconds(100), deadline.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            await target.AbortCopyFromUriAsync(copy.Id, cancellationToken: cancel).ConfigureAwait(false);
            throw;
        }
    }

    private async Task RequireContainerAsync(CancellationToken cancel)
    {
        if (_containerStands)
        {
            return;
        }

        await AzureFailures.Guarded(_container.Name, async () =>
        {
            try
            {
                await _container.CreateIfNotExistsAsync(cancellationToken: cancel).ConfigureAwait(false);
            }
            catch (RequestFailedException refused) when (refused.Status is 401 or 403)
            {
                // Who may not make containers may well write into one.
            }

            return true;
        }, cancel).ConfigureAwait(false);
        _containerStands = true;
    }

    private BlockBlobClient Blob(string path)
    {
        BlobPaths.Require(path);
        return _container.GetBlockBlobClient(_prefix + path);
    }

    private Task<T> Guarded<T>(string path, Func<BlockBlobClient, Task<T>> access, CancellationToken cancel)
    {
        return Body();

        async Task<T> Body()
        {
            var blob = Blob(path);
            return await AzureFailures.Guarded(path, () => access(blob), cancel).ConfigureAwait(false);
        }
    }
}
