namespace ToNNO.Storage;

public enum BlobStoreError
{
    Unspecified = 0,
    NotFound,

    /// <summary>The condition of a conditional write did not hold; nothing was written.</summary>
    ConditionFailed,

    /// <summary>The store could not be reached or refused; the same call may succeed later. A write may have happened.</summary>
    Unavailable,

    /// <summary>Another run holds the store.</summary>
    InUse,

    /// <summary>The path leaves the store or names nothing.</summary>
    InvalidPath,

    /// <summary>The address is none of a store.</summary>
    InvalidAddress,

    /// <summary>Nothing says as whom to open the store, or what says it makes no sense.</summary>
    NoIdentity,

    /// <summary>The store is not the one that the cluster's coordinator works on.</summary>
    OtherStore,
}

/// <summary>An expected failure of a store.</summary>
public sealed class BlobStoreException(BlobStoreError error, string message, Exception? inner = null) : Exception(message, inner)
{
    public BlobStoreError Error { get; } = error;

    /// <summary>Stable reason code; a place that is read, but is no blob store, has its own.</summary>
    public string Code { get => field ?? CodeOf(Error); init; }

    private static string CodeOf(BlobStoreError error) => error switch
    {
        BlobStoreError.NotFound => "store.not_found",
        BlobStoreError.ConditionFailed => "store.condition_failed",
        BlobStoreError.Unavailable => "store.unavailable",
        BlobStoreError.InUse => "store.in_use",
        BlobStoreError.InvalidPath => "store.invalid_path",
        BlobStoreError.InvalidAddress => "store.address_invalid",
        BlobStoreError.NoIdentity => "store.identity_missing",
        BlobStoreError.OtherStore => "store.other",
        _ => "store.failed",
    };
}
