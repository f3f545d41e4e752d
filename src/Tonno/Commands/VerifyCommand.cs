using System.CommandLine;
using System.Text.Json;
using ToNNO.Contracts;
using ToNNO.Coordinator.Auditing;
using ToNNO.Storage;

namespace ToNNO.Tonno.Commands;

/// <summary><c>tonno verify</c>: is a finished archive what its ledger and its hashes say?</summary>
internal static class VerifyCommand
{
    public static Command Create()
    {
        var store = StoreArguments.Store();
        var json = new Option<bool>("--json") { Description = "As JSON: every volume, and the counts" };
        var command = new Command("verify", "Re-check every result of a store by its hashes, and remove what finished volumes left under temporary names.") { store, json };
        command.SetAction((parsed, cancel) => ExecuteAsync(parsed.GetValue(store)!, parsed.GetValue(json), cancel));
        return command;
    }

    private static async Task<int> ExecuteAsync(string address, bool json, CancellationToken cancel)
    {
        var auditor = new StoreAuditor(BlobStores.Open(address));
        var counts = Enum.GetValues<VolumeFinding>().ToDictionary(finding => finding, _ => 0);
        var (volumes, unlisted, removed, kept) = (0, 0, 0, 0);
        using var writer = json ? new Utf8JsonWriter(Console.OpenStandardOutput(), new JsonWriterOptions { Indented = true }) : null;
        writer?.WriteStartObject();
        writer?.WriteStartArray("volumes");
        await foreach (var audit in auditor.AuditAsync(cancel).ConfigureAwait(false))
        {
            volumes++;
            counts[audit.Finding]++;
            unlisted += audit.Ledger is null && audit.Finding == VolumeFinding.Whole ? 1 : 0;
            (removed, kept) = (removed + audit.LeftoversRemoved, kept + audit.LeftoversKept);
            if (writer is not null)
            {
                JsonSerializer.Serialize(writer, audit, Documents.Json);
                await writer.FlushAsync(cancel).ConfigureAwait(false);
            }
            else if (audit.Finding != VolumeFinding.Whole)
            {
                Console.Out.WriteLine($"{audit.VolumeId}: {Word(audit.Finding)}{(audit.Detail is null ? "" : $": {audit.Detail}")}");
            }
        }

        (removed, kept) = (removed + auditor.RemnantsRemoved, kept + auditor.StrayLeftovers);
        if (writer is not null)
        {
            writer.WriteEndArray();
            foreach (var (finding, count) in counts.Where(pair => pair.Key != VolumeFinding.Unspecified))
            {
                writer.WriteNumber(JsonNamingPolicy.CamelCase.ConvertName(finding.ToString()), count);
            }

            writer.WriteNumber("wholeWithoutEntry", unlisted);
            writer.WriteNumber("leftoversRemoved", removed);
            writer.WriteNumber("leftoversKept", kept);
            writer.WriteEndObject();
            await writer.FlushAsync(cancel).ConfigureAwait(false);
            Console.Out.WriteLine();
        }

        if (volumes == 0)
        {
            throw new CommandException(ExitCodes.NothingDone, "store.empty", $"{address} holds no result and no ledger: there is nothing to verify.");
        }

        if (writer is null)
        {
            var told = counts.Where(pair => pair.Key != VolumeFinding.Unspecified).Select(pair => $"{pair.Value} {Word(pair.Key)}");
            Console.Out.WriteLine($"{volumes} volumes: {string.Join(", ", told)}; {removed} leftovers removed, {kept} kept{(unlisted == 0 ? "" : $"; {unlisted} of the whole ones are not in the ledger")}");
        }

        return counts[VolumeFinding.Whole] == volumes ? ExitCodes.Completed : ExitCodes.SomeFailed;
    }

    private static string Word(VolumeFinding finding) => finding == VolumeFinding.SetAside ? "set aside" : finding.ToString().ToLowerInvariant();
}
