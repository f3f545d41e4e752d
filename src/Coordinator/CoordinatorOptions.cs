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

    /// <summary>Slices that a lease aims at while it is not known how fast encoders are at a run.</summary>
    [Range(1, 1_000_000)]
    public int SlicesPerLease { get; init; } = 1000;

    /// <summary>Work that a lease aims at once that is known: little is lost with an encoder, and little time goes into asking.</summary>
    [Range(typeof(TimeSpan), "00:00:00.001", "10.00:00:00")]
    public TimeSpan LeaseAim { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Blocks of directions in a lease at most.</summary>
    [Range(1, 1000)]
    public int MaximumLeaseBlocks { get; init; } = 32;

    /// <summary>After this long without an answer a lease is given to another encoder, while it is not known how fast this one is.</summary>
    [Range(typeof(TimeSpan), "00:00:00.001", "10.00:00:00")]
    public TimeSpan LeaseDeadline { get; init; } = TimeSpan.FromMinutes(30);

    /// <summary>The least that an encoder is given for what it has in its hands, once it is known how fast it is: it may have to read
    /// a volume first.</summary>
    [Range(typeof(TimeSpan), "00:00:00.001", "10.00:00:00")]
    public TimeSpan ShortestLeaseDeadline { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>How often deadlines of leases are looked at.</summary>
    [Range(typeof(TimeSpan), "00:00:00.001", "10.00:00:00")]
    public TimeSpan LookAtLeasesEvery { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>After this long without an answer a reducer is asked again.</summary>
    [Range(typeof(TimeSpan), "00:00:00.001", "10.00:00:00")]
    public TimeSpan ReducerDeadline { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>So many questions in a row that a reducer leaves unanswered end its volume: with the deadline above, 20 minutes. A node that
    /// is lost takes its slabs with it for a minute.</summary>
    [Range(1, 1_000_000)]
    public int MaximumSilences { get; init; } = 40;

    /// <summary>So many nodes that die of a volume, perhaps, without a block stored meanwhile set it aside.</summary>
    [Range(2, 1000)]
    public int MaximumDeaths { get; init; } = 5;

    /// <summary>Tries of work that failed for a reason that may pass.</summary>
    [Range(1, 100)]
    public int MaximumAttempts { get; init; } = 3;

    /// <summary>When every node has refused a volume for this long, that was a try: another node may be about to join.</summary>
    [Range(typeof(TimeSpan), "00:00:00", "10.00:00:00")]
    public TimeSpan RefusalPause { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>True where runs that are under way in the store are gone on with, as by a cluster; false in a process that is for one run
    /// alone.</summary>
    [Browsable(false)] // what a node of a cluster does is no option
    public bool TakesUpRuns { get; init; } = true;

    /// <summary>How often the coordinator tells the store that it lives. Another takes over, once its cluster has lost this one, when two such signs
    /// have stayed out.</summary>
    [Range(typeof(TimeSpan), "00:00:00.001", "10.00:00:00")]
    public TimeSpan ClaimRenewal { get; init; } = TimeSpan.FromSeconds(3);

    /// <summary>After this long a store that failed is asked again; doubled with each failure in a row, up to 32 times this.</summary>
    [Range(typeof(TimeSpan), "00:00:00.001", "10.00:00:00")]
    public TimeSpan StoreRetryPause { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Failures in a row, of the store or of the place that the sources lie in, after which a volume is given up.</summary>
    [Range(1, 1000)]
    public int MaximumStoreFailures { get; init; } = 10;

    /// <summary>Tries of what a reducer failed at: as long as the store may be away, where that may be it.</summary>
    internal int MostTries(string reasonCode) => TakesUpRuns && reasonCode != "internal.failure" ? MaximumStoreFailures : MaximumAttempts;

    /// <summary>What a volume has asked of its source or of the store, and has no answer to after this long, has failed: a share of the network that
    /// hangs says nothing.</summary>
    [Range(typeof(TimeSpan), "00:00:00.001", "10.00:00:00")]
    public TimeSpan StoreDeadline { get; init; } = TimeSpan.FromMinutes(30);

    /// <summary>How often a run tells its watchers how far it is.</summary>
    [Range(typeof(TimeSpan), "00:00:00.001", "10.00:00:00")]
    public TimeSpan ProgressInterval { get; init; } = TimeSpan.FromMilliseconds(250);
}
