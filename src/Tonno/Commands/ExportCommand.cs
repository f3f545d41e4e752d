using System.CommandLine;
using System.Text.Json;
using ToNNO.Contracts;
using ToNNO.Coordinator.Auditing;
using ToNNO.Storage;
using ToNNO.Tomography.Geometry;
using ToNNO.Tonno.Exporting;
using ToNNO.Tonno.Sources;

namespace ToNNO.Tonno.Commands;

/// <summary><c>tonno export</c>: what other programs take, of a store's results.</summary>
internal static class ExportCommand
{
    public static Command Create()
    {
        var store = StoreArguments.Store();
        var run = new Option<string?>("--run") { Description = "The inputs of this run [those of all runs]", HelpName = "RUN" };
        var dicom = new Option<string?>("--dicom") { Description = "Of DICOM series: write a Parametric Map and, with a threshold, a Segmentation into this folder", HelpName = "DIR" };
        var stow = new Option<string?>("--stow") { Description = $"Also send these to a PACS by STOW-RS, as in http://pacs:8042/dicom-web [{StowClient.TokenVariable}, {StowClient.BasicVariable}]", HelpName = "URL" };
        var bids = new Option<string?>("--bids") { Description = "Copy heatmaps and masks into this folder, named as a BIDS derivative", HelpName = "DIR" };
        var patience = Arguments.Number<double>("--patience", "SECONDS", "How long to try a PACS that does not answer", 0, 86_400, 30);
        var threshold = Arguments.ParsedReference("--threshold", "T|T%", "Of the segmentation: voxels from T, or from T % of the peak [the run's]", SettingsResolution.ParseThreshold);
        var json = new Option<bool>("--json") { Description = "As JSON: every volume, and the counts" };
        var command = new Command("export", "Make of a store's results what other programs take.") { store, run.NotEmpty(), dicom.NotEmpty(), stow.NotEmpty(), bids.NotEmpty(), patience, threshold, json };
        command.Validators.Add(parsed =>
        {
            if (parsed.GetValue(dicom) is null && parsed.GetValue(stow) is not null)
            {
                parsed.AddError("--stow sends what --dicom DIR writes: give both.");
            }
            else if (parsed.GetValue(dicom) is null && parsed.GetValue(threshold) is not null)
            {
                parsed.AddError("--threshold is of the segmentation that --dicom DIR writes; masks are the run's: leave it out.");
            }
            else if (parsed.GetValue(dicom) is null && parsed.GetValue(bids) is null)
            {
                parsed.AddError("Say what to export: --dicom DIR or --bids DIR.");
            }
        });
        command.SetAction((parsed, cancel) => ExecuteAsync(
            new Request(
                parsed.GetValue(store)!, parsed.GetValue(run), parsed.GetValue(dicom), parsed.GetValue(stow), parsed.GetValue(bids), TimeSpan.FromSeconds(parsed.GetValue(patience)), parsed.GetValue(threshold), parsed.GetValue(json)),
            cancel));
        return command;
    }

    private static async Task<int> ExecuteAsync(Request request, CancellationToken cancel)
    {
        var store = BlobStores.Open(request.Store);
        using var pacs = request.Stow is { } address ? new StowClient(address, Environment.GetEnvironmentVariable, request.Patience, TimeProvider.System) : null;
        var (results, run) = (new RunResults(store, TimeProvider.System), request.Run is { } name ? new RunId(name) : (RunId?)null);
        var exports = new List<IVolumeExport>();
        if (request.Dicom is { } objects)
        {
            exports.Add(new DicomExport(store, new ExportFolder(objects), request.Threshold, pacs, new RemotePlaces()));
        }

        if (request.Bids is { } dataset)
        {
            var bids = new BidsExport(store, new ExportFolder(dataset), BidsName.OfAll(await InputsAsync(results, run, cancel).ConfigureAwait(false)));
            await bids.DescribeAsync().ConfigureAwait(false);
            exports.Add(bids);
        }

        var job = new ExportJob(results, exports);
        using var writer = request.Json ? new Utf8JsonWriter(Console.OpenStandardOutput(), new JsonWriterOptions { Indented = true }) : null;
        writer?.WriteStartObject();
        writer?.WriteStartArray("volumes");
        await foreach (var line in job.RunAsync(run, cancel).ConfigureAwait(false))
        {
            if (line.State is ExportState.Refused or ExportState.NotDone)
            {
                Console.Error.WriteLine($"{line.ReasonCode}: {line.VolumeId}: {line.Detail}");
            }

            if (writer is not null)
            {
                JsonSerializer.Serialize(writer, line, Documents.Json);
                await writer.FlushAsync(cancel).ConfigureAwait(false);
            }
            else if (line.State is ExportState.Exported or ExportState.LeftOut)
            {
                Console.Out.WriteLine($"{line.VolumeId}: {(line.State == ExportState.LeftOut ? $"left out ({line.ReasonCode})" : string.Join(", ", line.Files))}{(line is { State: ExportState.Exported, Detail: { } note } ? $". {(line.ReasonCode is { } code ? $"{code}: " : "")}{note}" : "")}");
            }
        }

        var told = new[] { ExportState.Exported, ExportState.Unchanged, ExportState.LeftOut, ExportState.Refused, ExportState.NotDone };
        if (writer is not null)
        {
            writer.WriteEndArray();
            foreach (var state in told)
            {
                writer.WriteNumber(JsonNamingPolicy.CamelCase.ConvertName(state.ToString()), job.Count(state));
            }

            writer.WriteEndObject();
            await writer.FlushAsync(cancel).ConfigureAwait(false);
            Console.Out.WriteLine();
        }

        if (job.Volumes == 0)
        {
            throw new CommandException(ExitCodes.NothingDone, "store.empty", $"{request.Store} holds no run: there is nothing to export.");
        }

        if (writer is null)
        {
            Console.Out.WriteLine($"{job.Volumes} volumes: {string.Join(", ", told.Select(state => $"{job.Count(state)} {Word(state)}"))}");
        }

        return job.ExitCode;
    }

    private static async Task<List<(VolumeId Volume, string Uri)>> InputsAsync(RunResults results, RunId? run, CancellationToken cancel)
    {
        var inputs = new List<(VolumeId Volume, string Uri)>();
        await foreach (var input in results.InputsAsync(run, cancel).ConfigureAwait(false))
        {
            inputs.Add((input.VolumeId, input.Uris[0]));
        }

        return inputs;
    }

    private static string Word(ExportState state) => state switch
    {
        ExportState.Unchanged => "there already",
        ExportState.LeftOut => "left out",
        ExportState.NotDone => "not done",
        _ => state.ToString().ToLowerInvariant(),
    };

    private sealed record Request(string Store, string? Run, string? Dicom, string? Stow, string? Bids, TimeSpan Patience, HeatmapThreshold? Threshold, bool Json);
}
