using System.CommandLine;
using Microsoft.Extensions.Logging;
using ToNNO.Contracts;
using ToNNO.Coordinator.Api;
using ToNNO.Tonno.Hosting;
using ToNNO.Tonno.Runs;

namespace ToNNO.Tonno.Commands;

/// <summary><c>tonno run</c>: volumes in, heatmaps out, on one node in this process.</summary>
internal static class RunCommand
{
    public static Command Create()
    {
        var output = new Option<string>("--output", "-o") { Description = "The folder for results, or azure://CONTAINER/PREFIX", Required = true, HelpName = "STORE" };
        var device = new Option<string>("--device") { Description = "auto, cpu or cuda:N", DefaultValueFactory = _ => "auto" };
        var report = new Option<string?>("--report") { Description = "Write the account of the run to this JSON file", HelpName = "FILE.json" };
        var quiet = new Option<bool>("--quiet", "-q") { Description = "Print nothing but problems" };
        var verbose = new Option<bool>("--verbose", "-v") { Description = "Print what the node logs" };

        var command = new Command("run", "Make 3D heatmaps of volumes; run again, it does only what is not verifiably done.");
        var order = new OrderOptions(command);
        foreach (var option in new Option[] { output.NotEmpty(), device, report.NotEmpty(), quiet, verbose })
        {
            command.Add(option);
        }

        command.Validators.Add(parsed =>
        {
            if (parsed.GetValue(quiet) && parsed.GetValue(verbose))
            {
                parsed.AddError("Give --quiet or --verbose, not both.");
            }
        });
        command.SetAction((parsed, cancel) => ExecuteAsync(
            new Request(
                order.Read(parsed), parsed.GetValue(output)!, parsed.GetValue(device)!, parsed.GetValue(report), parsed.GetValue(quiet), parsed.GetValue(verbose)),
            cancel));
        return command;
    }

    private static async Task<int> ExecuteAsync(Request request, CancellationToken cancel)
    {
        var planned = new RunPlanner(request.Output, request.Device).Plan(request.Order);
        RequireReportApart(request, planned);
        var options = LocalResources.Options(request.Output, request.Device) with { LogLevel = request.Verbose ? LogLevel.Information : LogLevel.Error };
        IReadOnlyList<RunProtocol.VolumeConcluded> concluded = [];
        async Task Run(IRunDisplay display) => concluded = await RunJob.ExecuteAsync(options, planned.Settings, planned.Inputs, display, cancel).ConfigureAwait(false);
        await RunDisplays.ShowAsync(request.Quiet, Run).ConfigureAwait(false);

        var report = RunReport.Of(planned, concluded);
        var exitCode = Conclude(report, request.Quiet, cancel.IsCancellationRequested);
        if (request.Report is { } file)
        {
            await WriteReportAsync(file, report).ConfigureAwait(false);
        }

        return exitCode;
    }

    /// <summary>Refuses a report that would be written over an input, the model or a result.</summary>
    private static void RequireReportApart(Request request, PlannedRun planned)
    {
        if (request.Report is not { } file)
        {
            return;
        }

        var path = Path.GetFullPath(file);
        bool Within(string folder) => path.StartsWith(Path.GetFullPath(folder) + Path.DirectorySeparatorChar, StringComparison.Ordinal);
        if (Within(request.Output) || Within(request.Order.Model) || (File.Exists(path) && planned.Inputs.Any(input => input.Uris.Contains(path))))
        {
            throw new CommandException(
                ExitCodes.Usage, "report.misplaced", $"The report would be written to {file}, among inputs, model or results: choose another place.");
        }
    }

    private static async Task WriteReportAsync(string file, RunReport report)
    {
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(file))!);
            await File.WriteAllBytesAsync(file, Documents.ToBytes(report), CancellationToken.None).ConfigureAwait(false);
        }
        catch (Exception failed) when (failed is IOException or UnauthorizedAccessException)
        {
            throw new CommandException(ExitCodes.Usage, "report.unwritable", $"The run ended, but its report cannot be written to {file}: {failed.Message}");
        }
    }

    private static int Conclude(RunReport report, bool quiet, bool interrupted)
    {
        foreach (var line in report.Volumes.Where(line => line.State is VolumeState.Failed or VolumeState.Quarantined))
        {
            Console.Error.WriteLine($"{line.ReasonCode}: {line.VolumeId}: {line.Detail}");
        }

        if (!quiet)
        {
            Console.Out.WriteLine(
                $"{report.Inputs} inputs: {report.Completed} completed ({report.Reused} done before), {report.Failed} failed, {report.Quarantined} quarantined, {report.Unfinished} unfinished");
        }

        if (report.LeftOut.Count > 0 && !quiet)
        {
            Console.Out.WriteLine($"{Wording.Of(report.LeftOut)}; --report lists them");
        }

        if (interrupted && report.Unfinished > 0)
        {
            Interruption.Tell();
        }

        return interrupted && report.Unfinished > 0 ? ExitCodes.Interrupted
            : !report.Balances || report.Completed == 0 ? ExitCodes.NothingDone
            : report.Completed < report.Inputs ? ExitCodes.SomeFailed
            : ExitCodes.Completed;
    }

    private sealed record Request(RunOrder Order, string Output, string Device, string? Report, bool Quiet, bool Verbose);
}
