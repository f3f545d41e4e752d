using System.CommandLine;
using ToNNO.Contracts;
using ToNNO.Coordinator.Auditing;
using ToNNO.Storage;

namespace ToNNO.Tonno.Commands;

/// <summary><c>tonno requeue</c>: volumes that were set aside get another try.</summary>
internal static class RequeueCommand
{
    public static Command Create()
    {
        var store = StoreArguments.Store();
        var volumes = new Option<string[]>("--volume") { Description = "Only these, by their names in the store [all]", AllowMultipleArgumentsPerToken = true, HelpName = "ID..." };
        var reason = new Option<string?>("--reason") { Description = "Only those set aside for this reason code", HelpName = "CODE" };
        var failed = new Option<bool>("--failed") { Description = "Failed ones as well as quarantined ones" };
        var json = new Option<bool>("--json") { Description = "As JSON" };
        var command = new Command("requeue", "Put quarantined volumes back in the queue with a clean record, for the next run over them.")
        {
            store, volumes.NotEmpty(), reason.NotEmpty(), failed, json,
        };
        command.SetAction((parsed, cancel) => ExecuteAsync(
            parsed.GetValue(store)!,
            new RequeueOrder([.. (parsed.GetValue(volumes) ?? []).Distinct().Select(id => new VolumeId(id))], parsed.GetValue(reason), parsed.GetValue(failed)),
            parsed.GetValue(json),
            cancel));
        return command;
    }

    private static async Task<int> ExecuteAsync(string address, RequeueOrder order, bool json, CancellationToken cancel)
    {
        var volumes = new List<RequeuedVolume>();
        await foreach (var volume in new Requeue(BlobStores.Open(address), TimeProvider.System).RunAsync(order, cancel).ConfigureAwait(false))
        {
            volumes.Add(volume);
            if (!json)
            {
                Console.Out.WriteLine(volume switch
                {
                    { Done: true } => $"{volume.VolumeId}: back in the queue ({volume.ReasonCode}: {volume.Detail})",
                    { State: null } => $"{volume.VolumeId}: not in the ledger",
                    { State: VolumeState.Quarantined or VolumeState.Failed } => $"{volume.VolumeId}: left, {volume.State.ToString()!.ToLowerInvariant()} ({volume.ReasonCode})",
                    _ => $"{volume.VolumeId}: left, it was not set aside",
                });
            }
        }

        var done = volumes.Count(volume => volume.Done);
        Console.Out.WriteLine(json
            ? System.Text.Encoding.UTF8.GetString(Documents.ToBytes(volumes))
            : $"{done} volumes are back in the queue{(done == 0 ? "" : "; the next run over them takes them")}");
        return done == 0 ? ExitCodes.NothingDone : done < order.Volumes.Count ? ExitCodes.SomeFailed : ExitCodes.Completed;
    }
}
