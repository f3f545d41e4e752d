using System.ComponentModel;
using System.ComponentModel.DataAnnotations;

namespace ToNNO.Coordinator;

public sealed class CoordinatorOptions
{
    public const string Section = "Coordinator";

    /// <summary>Memory that the volumes in work may take together, bytes.</summary>
    [Range(1 << 20, long.MaxValue)]
    public long MemoryBudgetBytes { get; init; } = 4L << 30;

    /// <summary>Volumes in work at once.</summary>
    [Range(1, 10_000)]
    public int MaximumVolumes { get; init; } = 4;

    /// <summary>Volumes whose headers are read ahead of admission.</summary>
    [Range(1, 10_000)]
    public int MaximumInspections { get; init; } = 8;

    /// <summary>Slices that a lease aims at: some seconds of a large network, so that encoders end a volume together.</summary>
    [Range(1, 1_000_000)]
    public int SlicesPerLease { get; init; } = 1000;

    /// <summary>After this long without an answer a lease is given to another encoder.</summary>
    public TimeSpan LeaseDeadline { get; init; } = TimeSpan.FromMinutes(30);

    /// <summary>After this long without an answer a reducer is asked again.</summary>
    public TimeSpan ReducerDeadline { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Tries of work that failed for a reason that may pass.</summary>
    [Range(1, 100)]
    public int MaximumAttempts { get; init; } = 3;

    /// <summary>True where runs that are under way in the store are gone on with, as by a cluster; false in a process that is for one run
    /// alone.</summary>
    [Browsable(false)] // what a node of a cluster does is no option
    public bool TakesUpRuns { get; init; } = true;

    /// <summary>After this long a store that failed is asked again; doubled with each failure in a row, up to 32 times this.</summary>
    public TimeSpan StoreRetryPause { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Failures of the store in a row after which a volume is given up.</summary>
    [Range(1, 1000)]
    public int MaximumStoreFailures { get; init; } = 10;

    /// <summary>How often a run tells its watchers how far it is.</summary>
    public TimeSpan ProgressInterval { get; init; } = TimeSpan.FromMilliseconds(250);
}
