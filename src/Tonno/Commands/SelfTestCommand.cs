using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using ToNNO.Contracts;
using ToNNO.Coordinator.Api;
using ToNNO.Storage;
using ToNNO.Tonno.Clients;
using ToNNO.Tonno.DicomWeb;
using ToNNO.Tonno.Exporting;
using ToNNO.Tonno.Hosting;
using ToNNO.Tonno.Runs;
using ToNNO.Tonno.SelfTesting;

namespace ToNNO.Tonno.Commands;

/// <summary><c>tonno selftest</c>: does a blob come out where it was put, through this source, this store and this cluster?</summary>
internal static class SelfTestCommand
{
    /// <summary>How long to try a PACS that does not answer.</summary>
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(20);

    public static Command Create()
    {
        var source = new Option<string?>("--source") { Description = "Where to put phantoms: a folder, azure://CONTAINER/PREFIX, or a PACS as in dicomweb+http://pacs:8042/dicom-web [a temporary folder]", HelpName = "PLACE" };
        var output = new Option<string?>("--output", "-o") { Description = "The store to run them into: a folder or azure://CONTAINER/PREFIX [a temporary folder]", HelpName = "STORE" };
        var byCluster = new Option<bool>("--cluster") { Description = "Have a cluster run them; it needs --source and --output, as its nodes see them" };
        var device = new Option<string>("--device") { Description = "auto, cpu or cuda:N, without a cluster", DefaultValueFactory = _ => "auto" };
        var keep = new Option<bool>("--keep") { Description = "Leave phantoms and results where they are" };
        var json = new Option<bool>("--json") { Description = "As JSON: every phantom" };
        var command = new Command("selftest", "Send volumes in all axis orders, oblique and anisotropic, through source, store and cluster, and check where their heatmaps' peaks are.");
        foreach (var option in new Option[] { source.NotEmpty(), output.NotEmpty(), byCluster, device, keep, json })
        {
            command.Add(option);
        }

        command.Validators.Add(parsed =>
        {
            if (parsed.GetValue(byCluster) && (parsed.GetValue(source) is null || parsed.GetValue(output) is null))
            {
                parsed.AddError("--cluster needs --source and --output: places that its nodes see, too.");
            }
        });
        var cluster = new Clients.ClusterOptions(command);
        command.SetAction(async (parsed, cancel) =>
        {
            using var folder = new TemporaryPlace();
            var store = parsed.GetValue(output) ?? folder["results"];
            using var client = parsed.GetValue(byCluster) ? cluster.Connect(parsed) : null;
            var (id, place) = (SelfTest.NewId(), parsed.GetValue(source) ?? folder["volumes"]);
            var pacs = DicomWebAddress.IsOne(place) ? PacsPlace.Parse(place) : null;
            using var stow = pacs is null ? null : new StowClient(pacs.Service.ToString(), Environment.GetEnvironmentVariable, _patience, TimeProvider.System);
            var test = new SelfTest(
                id,
                pacs is null ? new FolderPlace(BlobStores.IsAzure(place) ? place : Path.GetFullPath(place), id) : new PacsPlace(pacs, id, stow!),
                BlobStores.Open(store),
                client is null ? (order, stop) => RunHereAsync(order, store, parsed.GetValue(device)!, stop) : (order, stop) => RunThereAsync(client, order, stop));
            try
            {
                return Conclude(await test.ExecuteAsync(parsed.GetValue(keep), cancel).ConfigureAwait(false), parsed.GetValue(json));
            }
            catch (ExportException refused)
            {
                throw new CommandException(refused.ExitCode ?? ExitCodes.NothingDone, refused.Code, refused.Message);
            }
        });
        return command;
    }

    private static Task<IReadOnlyList<RunProtocol.VolumeConcluded>> RunHereAsync(RunOrder order, string store, string device, CancellationToken cancel)
    {
        var planned = new RunPlanner(store, device).Plan(order);
        return RunJob.ExecuteAsync(LocalResources.Options(store, device), planned.Settings, planned.Inputs, new QuietDisplay(), cancel);
    }

    private static async Task<IReadOnlyList<RunProtocol.VolumeConcluded>> RunThereAsync(ClusterClient client, RunOrder order, CancellationToken cancel)
    {
        var run = (await client.SubmitAsync(order, cancel).ConfigureAwait(false)).Run.RunId;
        try
        {
            await RunWatch.EndAsync(client, run.Value, new QuietDisplay(), cancel).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            await client.ControlAsync(run.Value, "cancel", CancellationToken.None).ConfigureAwait(false);
            await RunWatch.EndAsync(client, run.Value, new QuietDisplay(), CancellationToken.None).ConfigureAwait(false);
        }

        return await client.VolumesAsync(run.Value, null, cancel)
            .Select(volume => new RunProtocol.VolumeConcluded(run, volume.VolumeId, volume.State, volume.ReasonCode ?? "", volume.Detail ?? "", Reused: false, TimeSpan.Zero))
            .ToListAsync(cancel).ConfigureAwait(false);
    }

    private static int Conclude(SelfTestReport report, bool json)
    {
        var checks = report.Checks;
        var passed = checks.Count(check => check.Passed);
        if (json)
        {
            Console.Out.WriteLine(JsonSerializer.Serialize(new { passed, failed = checks.Count - passed, phantoms = checks }, Documents.Json));
        }

        foreach (var check in checks.Where(check => !check.Passed))
        {
            Console.Error.WriteLine($"{check.ReasonCode}: {check.Name}: {check.Detail}");
        }

        if (!json)
        {
            var farthest = checks.Max(check => check.VoxelsApart);
            Console.Out.WriteLine($"{passed} of {checks.Count} phantoms stand where they were put{(farthest is null ? "" : string.Create(CultureInfo.InvariantCulture, $"; the farthest peak is {farthest:F2} of a voxel away"))}");
        }

        if (report.Left is { } left)
        {
            Console.Error.WriteLine($"selftest.left: {left}");
        }

        return passed == checks.Count ? ExitCodes.Completed : passed > 0 ? ExitCodes.SomeFailed : ExitCodes.NothingDone;
    }

    /// <summary>A folder that goes with the command.</summary>
    private sealed class TemporaryPlace : IDisposable
    {
        private readonly string _path = Directory.CreateTempSubdirectory("tonno-selftest-").FullName;

        public string this[string name] => Path.Combine(_path, name);

        public void Dispose() => Directory.Delete(_path, recursive: true);
    }
}
