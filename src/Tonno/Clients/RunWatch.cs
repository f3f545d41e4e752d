using ToNNO.Contracts;
using ToNNO.Coordinator.Api;
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
        var view = await client.RunAsync(run, cancel).ConfigureAwait(false);
        await RunDisplays.ShowAsync(quiet, async display =>
        {
            while (!IsOver(view))
            {
                await ShowAsync(client, view.RunId, display, cancel).ConfigureAwait(false);
                view = await AgainAsync(client, run, cancel).ConfigureAwait(false);
                await Task.Delay(view.State is RunState.Active or RunState.Paused ? _pause : TimeSpan.Zero, cancel).ConfigureAwait(false);
            }
        }).ConfigureAwait(false);
        await foreach (var volume in client.VolumesAsync(run, null, cancel).ConfigureAwait(false))
        {
            if (volume.State is VolumeState.Failed or VolumeState.Quarantined)
            {
                Console.Error.WriteLine($"{volume.ReasonCode}: {volume.VolumeId}: {volume.Detail}");
            }
        }

        var counts = view.Counts;
        if (!quiet)
        {
            Console.Out.WriteLine(
                $"{view.Volumes} inputs: {counts.Completed} completed ({counts.Reused} done before), {counts.Failed} failed, {counts.Quarantined} quarantined, {counts.Canceled} canceled");
        }

        return counts.Completed == view.Volumes ? ExitCodes.Completed : counts.Completed > 0 ? ExitCodes.SomeFailed : ExitCodes.NothingDone;
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
        catch (CommandException refused) when (refused.Code is "api.unreachable" or "coordinator.silent")
        {
            // The node that we talk to, or the coordinator, is moving.
        }
    }

    private static async Task<RunView> AgainAsync(ClusterClient client, string run, CancellationToken cancel)
    {
        var begun = TimeProvider.System.GetTimestamp();
        while (true)
        {
            try
            {
                return await client.RunAsync(run, cancel).ConfigureAwait(false);
            }
            catch (CommandException refused) when (refused.Code is "api.unreachable" or "coordinator.silent" or "store.unavailable" && TimeProvider.System.GetElapsedTime(begun) < _patience)
            {
                await Task.Delay(_pause, cancel).ConfigureAwait(false);
            }
        }
    }
}
