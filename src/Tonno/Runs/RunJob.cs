using ToNNO.Contracts;
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
        using var hold = options.Store.Hold();
        using var node = LocalNode.Build(options);
        try
        {
            await node.StartAsync(cancel).ConfigureAwait(false);
            var run = new RunManifest(new RunId($"run-{Guid.CreateVersion7():N}"), settings, inputs);
            await foreach (var message in RunClient.RunAsync(node, run, cancel).ConfigureAwait(false))
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
                    case RunProtocol.RunRejected rejected when !cancel.IsCancellationRequested:
                        throw new CommandException(ExitCodes.NothingDone, rejected.ReasonCode, rejected.Detail);
                }
            }
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            // The caller sees that volumes are missing; what is published is whole.
        }
        finally
        {
            await node.StopAsync(CancellationToken.None).ConfigureAwait(false);
        }

        return concluded;
    }
}
