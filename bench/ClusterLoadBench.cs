using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Serialization;
using ToNNO.Contracts;
using ToNNO.Coordinator.Runs;
using ToNNO.Coordinator.Volumes;
using ToNNO.Storage;

namespace ToNNO.Bench;

/// <summary>The real coordinator with 1,000 simulated encoders: its processor time for each lease, how busy it keeps them, its memory by
/// the number of volumes, and how soon it is ready again over the ledger of a large archive.</summary>
/// <remarks>Processor time is the process's: the simulated encoders and reducers are in it, and messages are written and read as for
/// other nodes, on both sides, though not sent. The load's ledger is on the disk. The archive's is written in memory, where writing it would measure the disk alone, and
/// copied to the disk, from where the coordinator that is ready again reads it.</remarks>
internal static class ClusterLoadBench
{
    private const int Encoders = 1000;
    private const int Directions = 400;

    /// <param name="arguments">Volumes of 400 directions; seconds that a block takes; volumes of one block in the archive.</param>
    public static object Measure(string[] arguments)
    {
        double Argument(int at, double otherwise) => at < arguments.Length ? double.Parse(arguments[at], CultureInfo.InvariantCulture) : otherwise;
        var (volumes, seconds, archive) = ((int)Argument(0, 5_000), Argument(1, 0.8), (int)Argument(2, 100_000));
        return MeasureAsync(volumes, TimeSpan.FromSeconds(seconds), archive).GetAwaiter().GetResult();
    }

    private static async Task<object> MeasureAsync(int volumes, TimeSpan blockTime, int archive) =>
        new Report(Encoders, await LoadAsync(volumes, blockTime), await ArchiveAsync(archive), await DiskAsync());

    /// <summary>Measures from when the first volumes are done until the last begins.</summary>
    private static async Task<LoadFigures> LoadAsync(int volumes, TimeSpan blockTime)
    {
        using var folder = new BenchFolder();
        var store = new LocalFolderStore(folder.New());
        var run = await SubmitAsync(store, volumes, Directions);
        await using var load = new SimulatedCoordination(store, run, Encoders, blockTime, lastOpen: false);
        await Reach(load, volumes / 10);
        var (begun, cpu, blocks, leases, idle) = (Stopwatch.GetTimestamp(), BenchRun.CpuTime(), load.Tally.Blocks, load.Tally.Leases, load.Tally.Idle);
        var memory = new List<Memory> { Memory.Of(load.Concluded) };
        await Reach(load, volumes / 2);
        memory.Add(Memory.Of(load.Concluded));
        await Task.WhenAny(load.Inspector.LastReached, load.Finished);
        var wall = Stopwatch.GetElapsedTime(begun);
        (cpu, blocks, leases, idle) = (BenchRun.CpuTime() - cpu, load.Tally.Blocks - blocks, load.Tally.Leases - leases, load.Tally.Idle - idle);
        memory.Add(Memory.Of(load.Concluded));
        await load.Finished;
        return new LoadFigures(
            volumes,
            Directions,
            blockTime.TotalSeconds,
            wall.TotalSeconds,
            leases / wall.TotalSeconds,
            blocks / wall.TotalSeconds,
            1000 * cpu.TotalSeconds / leases,
            1 - (idle.TotalSeconds / (Encoders * wall.TotalSeconds)),
            blocks * blockTime.TotalSeconds / (Encoders * wall.TotalSeconds),
            memory);
    }

    /// <summary>Many volumes of one block; the last stays open, and another coordinator goes on with it.</summary>
    private static async Task<ArchiveFigures> ArchiveAsync(int volumes)
    {
        using var folder = new BenchFolder(inMemory: true);
        var root = folder.New();
        var store = new LocalFolderStore(root);
        var run = await SubmitAsync(store, volumes + 1, directions: 16);
        var (begun, memory) = (Stopwatch.GetTimestamp(), new List<Memory>());
        TimeSpan wall;
        await using (var first = new SimulatedCoordination(store, run, Encoders, TimeSpan.FromSeconds(0.2), lastOpen: true))
        {
            foreach (var part in new[] { volumes / 10, volumes / 2, volumes })
            {
                await Reach(first, part);
                memory.Add(Memory.Of(part));
            }

            wall = Stopwatch.GetElapsedTime(begun);
        }

        using var disk = new BenchFolder();
        var copy = disk.New();
        using (var copying = Process.Start("cp", ["-r", $"{root}/.", copy]))
        {
            await copying.WaitForExitAsync();
        }

        begun = Stopwatch.GetTimestamp();
        await using var second = new SimulatedCoordination(new LocalFolderStore(copy), run, Encoders, TimeSpan.FromSeconds(0.2), lastOpen: true);
        await second.Inspector.LastReached;
        return new ArchiveFigures(volumes, wall.TotalSeconds, memory, Stopwatch.GetElapsedTime(begun).TotalSeconds);
    }

    /// <summary>Entries that the ledger takes, flushed to the disk, 32 at a time.</summary>
    private static async Task<DiskFigures> DiskAsync()
    {
        using var folder = new BenchFolder();
        var ledger = new Ledger(new LocalFolderStore(folder.New()), TimeProvider.System, epoch: 1);
        var (entries, begun) = (500, Stopwatch.GetTimestamp());
        await Parallel.ForAsync(0, entries, new ParallelOptions { MaxDegreeOfParallelism = 32 }, async (number, cancel) => await ledger.RecordAsync(
            new($"volume-{number:D6}"), _ => new LedgerEntry { VolumeId = new($"volume-{number:D6}"), RunId = new("load"), State = VolumeState.InProcess }, cancel));
        return new DiskFigures(entries / Stopwatch.GetElapsedTime(begun).TotalSeconds);
    }

    private static async Task<RunDocument> SubmitAsync(LocalFolderStore store, int volumes, int directions)
    {
        var run = new RunDocument
        {
            RunId = new("load"),
            Settings = SimulatedVolumes.Settings(directions),
            InputCount = volumes,
            SubmittedAt = TimeProvider.System.GetUtcNow(),
        };
        await new RunRegistry(store).CreateAsync(
            run, [.. Enumerable.Range(0, volumes).Select(number => new RunInput(new($"volume-{number:D6}"), ["nowhere"]))], CancellationToken.None);
        return run;
    }

    private static async Task Reach(SimulatedCoordination load, int volumes)
    {
        while (load.Concluded < volumes && !load.Finished.IsFaulted)
        {
            await Task.Delay(100);
        }

        if (load.Finished.IsFaulted)
        {
            await load.Finished;
        }
    }

    private sealed record Report(int Encoders, LoadFigures Load, ArchiveFigures Archive, DiskFigures Disk) : ICheckedReport
    {
        private const double MostCores = 0.5;
        private const double LeastBusy = 0.95;
        private const double MostSecondsUntilReady = 60;

        /// <summary>What a hundred thousand volumes may take beyond the least that was seen before.</summary>
        private const double MostGrowthMebibytes = 16;

        public bool Whole => Load.CoresFor1000LeasesASecond < MostCores
            && Load.Busy > LeastBusy
            && Archive.ReadyAgainSeconds < MostSecondsUntilReady
            && IsFlat(Load.Memory)
            && IsFlat(Archive.Memory);

        private static bool IsFlat(IReadOnlyList<Memory> memory) => memory[^1].Mebibytes < memory.Min(sample => sample.Mebibytes) + MostGrowthMebibytes;
    }

    /// <param name="BlockSeconds">That a block takes.</param>
    /// <param name="ShareOfTimeWithABlockInHand">Of the encoders' time.</param>
    /// <param name="Busy">Blocks done times what one takes, of the encoders' time: a timer that rings late counts as idle, too.</param>
    private sealed record LoadFigures(
        int Volumes,
        int Directions,
        double BlockSeconds,
        double Seconds,
        double LeasesASecond,
        double BlocksASecond,
        [property: JsonPropertyName("cores_for_1000_leases_a_second")] double CoresFor1000LeasesASecond,
        double ShareOfTimeWithABlockInHand,
        double Busy,
        IReadOnlyList<Memory> Memory);

    private sealed record ArchiveFigures(int Volumes, double Seconds, IReadOnlyList<Memory> Memory, double ReadyAgainSeconds);

    /// <param name="Mebibytes">Managed, after a full collection.</param>
    private sealed record Memory(int Volumes, double Mebibytes)
    {
        public static Memory Of(int volumes) => new(volumes, GC.GetTotalMemory(forceFullCollection: true) / 1048576.0);
    }

    private sealed record DiskFigures(double LedgerEntriesASecond);
}
