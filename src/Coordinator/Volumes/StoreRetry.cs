namespace ToNNO.Coordinator.Volumes;

/// <summary>How often, and after what pauses, a volume asks a store again that is not to be reached.</summary>
internal sealed class StoreRetry(CoordinatorOptions options)
{
    private const int MostDoublings = 5;

    private int _failures;

    /// <returns>Null where it has been asked often enough.</returns>
    public TimeSpan? NextPause()
    {
        var failures = Interlocked.Increment(ref _failures);
        return failures < options.MaximumStoreFailures ? options.StoreRetryPause * Math.Pow(2, Math.Min(failures - 1, MostDoublings)) : null;
    }
}
