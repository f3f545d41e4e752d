using ToNNO.Contracts;
using ToNNO.Coordinator.Api;
using ToNNO.Coordinator.Runs;
using ToNNO.Tonno.Commands;
using ToNNO.Tonno.Runs;

namespace ToNNO.Tonno.Clients;

/// <summary>Watches a run of a cluster to its end.</summary>
internal static class RunWatch
{
    private static readonly TimeSpan _pause = TimeSpan.FromSeconds(2);

    /// <summary>Nobody has answered for so long that the cluster must be gone.</summary>
    private static readonly TimeSpan _patience = TimeSpan.FromMinutes(5);

    /// <returns>The exit code, as that of <c>tonno run</c>.</returns>
    public static async Task<int> ToEndAsync(ClusterClient client, string run, bool quiet, CancellationToken cancel)
    {
        RunView view = null!;
        await RunDisplays.ShowAsync(quiet, async display => view = await EndAsync(client, run, display, cancel).ConfigureAwait(false)).ConfigureAwait(false);
        foreach (var problem in await PatientlyAsync(client, () => FindProblemsAsync(client, run, cancel), cancel).ConfigureAwait(false))
        {
            Console.Error.WriteLine(problem);
        }

        var counts = view.Counts;
        if (!quiet)
        {
            Console.Out.WriteLine(
                $"{view.Volumes} inputs: {counts.Completed} completed ({counts.Reused} done before), {counts.Failed} failed, {counts.Quarantined} quarantined, {counts.Canceled} canceled");
        }

        return counts.Completed == view.Volumes ? ExitCodes.Completed : counts.Completed > 0 ? ExitCodes.SomeFailed : ExitCodes.NothingDone;
    }

    /// <summary>Returns when a run has ended: as it then stands.</summary>
    public static async Task<RunView> EndAsync(ClusterClient client, string run, IRunDisplay display, CancellationToken cancel)
    {
        Task<RunView> Ask() => PatientlyAsync(client, () => client.RunAsync(run, cancel), cancel);
        var view = await Ask().ConfigureAwait(false);
        while (!IsOver(view))
        {
            await ShowAsync(client, view.RunId, display, cancel).ConfigureAwait(false);
            view = await Ask().ConfigureAwait(false);
            await Task.Delay(view.State is RunState.Active or RunState.Paused ? _pause : TimeSpan.Zero, cancel).ConfigureAwait(false);
        }

        return view;
    }

    /// <summary>A canceled run is over when what was under way has stopped.</summary>
    private static bool IsOver(RunView view) => view.State == RunState.Finished || (view.State == RunState.Canceled && view is { InWork: 0, Waiting: 0 });

    private static async Task ShowAsync(ClusterClient client, RunId run, IRunDisplay display, CancellationToken cancel)
    {
        try
        {
            await foreach (var happened in client.EventsAsync(run.Value, cancel).ConfigureAwait(false))
            {
                if (happened.Progress is { } progress)
                {
                    display.Show(new RunProtocol.RunProgressed(run, progress.Volumes, progress.Concluded, progress.Fraction, progress.SlicesEncoded));
                }
                else if (happened.Volume is { } volume)
                {
                    display.Show(new RunProtocol.VolumeConcluded(
                        run, volume.VolumeId, volume.State, volume.ReasonCode ?? "", volume.Detail ?? "", volume.Reused, TimeSpan.FromSeconds(volume.Seconds)));
                }
            }
        }
        catch (CommandException refused) when (MayPass(refused, client))
        {
            // The node that we talk to, or the coordinator, is moving.
        }
    }

    private static async Task<List<string>> FindProblemsAsync(ClusterClient client, string run, CancellationToken cancel)
    {
        var problems = new List<string>();
        for (var (page, pages) = (0, 1); page < pages; page++)
        {
            try
            {
                var view = await client.VolumePageAsync(run, page, null, cancel).ConfigureAwait(false);
                pages = view.Pages;
                problems.AddRange(view.Volumes.Where(volume => volume.State is VolumeState.Failed or VolumeState.Quarantined)
                    .Select(volume => $"{volume.ReasonCode}: {volume.VolumeId}: {volume.Detail}"));
            }
            catch (CommandException damaged) when (damaged.Code == RunRegistry.InputsDamaged)
            {
                problems.Add($"{damaged.Code}: {damaged.Message}"); // the counts tell how many
                pages = Math.Max(pages, page + 2); // the next one tells how many there are
            }
        }

        return problems;
    }

    /// <summary>Nodes, the coordinator and the store come and go; an address at which nobody has ever answered is wrong.</summary>
    private static bool MayPass(CommandException refused, ClusterClient client) =>
        refused.Code is "coordinator.silent" or "store.unavailable" || (refused.Code == "api.unreachable" && client.HasAnswered);

    private static async Task<T> PatientlyAsync<T>(ClusterClient client, Func<Task<T>> ask, CancellationToken cancel)
    {
        var begun = TimeProvider.System.GetTimestamp();
        while (true)
        {
            try
            {
                return await ask().ConfigureAwait(false);
            }
            catch (CommandException refused) when (MayPass(refused, client) && TimeProvider.System.GetElapsedTime(begun) < _patience)
            {
                await Task.Delay(_pause, cancel).ConfigureAwait(false);
            }
        }
    }
}
