using ToNNO.Contracts;
using ToNNO.Coordinator.Claims;
using ToNNO.Coordinator.Runs;
using ToNNO.Storage;
using ToNNO.Tonno.Commands;
using ToNNO.Tonno.Hosting;

namespace ToNNO.Tonno.Runs;

/// <summary>Runs volumes through a node in this process.</summary>
internal static class RunJob
{
    /// <summary>Starts a node, runs the inputs, stops the node.</summary>
    /// <returns>How each volume ended, in the order in which they did; after an interruption those that had ended.</returns>
    /// <exception cref="CommandException">The run could not be begun.</exception>
    public static async Task<IReadOnlyList<RunProtocol.VolumeConcluded>> ExecuteAsync(
        LocalNodeOptions options, RunSettings settings, IReadOnlyList<RunInput> inputs, IRunDisplay display, CancellationToken cancel)
    {
        var concluded = new List<RunProtocol.VolumeConcluded>();
        var hold = await options.Store.HoldAsync(cancel).ConfigureAwait(false);
        await using var held = hold.ConfigureAwait(false);
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(cancel, hold.Lost);
        await RequireFreeAsync(options.Store, cancel).ConfigureAwait(false);
        await new RunRegistry(options.Store).EndDeadAsync(TimeProvider.System, cancel).ConfigureAwait(false);
        using var node = LocalNode.Build(options);
        try
        {
            await node.StartAsync(ending.Token).ConfigureAwait(false);
            var run = new RunId($"run-{Guid.CreateVersion7():N}");
            await foreach (var message in RunClient.RunAsync(node, run, settings, inputs, ending.Token).ConfigureAwait(false))
            {
                switch (message)
                {
                    case RunProtocol.RunProgressed progress:
                        display.Show(progress);
                        break;
                    case RunProtocol.VolumeConcluded volume:
                        concluded.Add(volume);
                        display.Show(volume);
                        break;
                    case RunProtocol.RunRejected rejected when !ending.IsCancellationRequested:
                        throw new CommandException(ExitCodes.NothingDone, rejected.ReasonCode, rejected.Detail);
                }
            }
        }
        catch (OperationCanceledException) when (ending.IsCancellationRequested)
        {
            if (!cancel.IsCancellationRequested)
            {
                throw new BlobStoreException(BlobStoreError.InUse, "Another run took the store while this one could not reach it or was stopped; what is published is whole.");
            }

            // The caller sees that volumes are missing; what is published is whole.
        }
        finally
        {
            await node.StopAsync(CancellationToken.None).ConfigureAwait(false);
        }

        return concluded;
    }

    /// <summary>Refuses a store that a cluster works on, or left without a word.</summary>
    private static async Task RequireFreeAsync(IBlobStore store, CancellationToken cancel)
    {
        if (await CoordinatorClaim.FindAsync(store, cancel).ConfigureAwait(false) is { Standing: true } claim)
        {
            throw new BlobStoreException(
                BlobStoreError.InUse,
                $"The cluster of {claim.Node} works on this store since {claim.ClaimedAt:u}: submit the run to it; where it is gone for good, remove {CoordinatorClaim.Path} and run again.");
        }
    }
}
