using System.CommandLine;
using Microsoft.Extensions.Logging;
using ToNNO.Contracts;
using ToNNO.Encoders;
using ToNNO.Encoders.Checking;
using ToNNO.Tomography.Sampling;
using ToNNO.Tonno.Hosting;
using ToNNO.Tonno.Runs;
using ToNNO.Tonno.Sources;

namespace ToNNO.Tonno.Commands;

/// <summary><c>tonno run</c>: volumes in, heatmaps out, on one node in this process.</summary>
internal static class RunCommand
{
    public static Command Create()
    {
        var input = new Option<string[]>("--input", "-i")
        {
            Description = "Files, folders and zips: NIfTI (.nii, .nii.gz, .hdr) and DICOM series",
            Required = true,
            AllowMultipleArgumentsPerToken = true,
            HelpName = "SOURCE...",
        };
        var model = new Option<string>("--model", "-m") { Description = "A model folder, or builtin:sum", Required = true, HelpName = "MODEL" };
        var output = new Option<string>("--output", "-o") { Description = "The folder for results", Required = true, HelpName = "STORE" };
        var channels = Arguments.ParsedReference("--channels", "END,END...", "How the files of a volume's channels end, in the model's order, as in _T1,_FLAIR [_0000,_0001,... for a model of several channels]", text => text.Split(','));
        var frame = Arguments.Number<int?>("--frame", "N", "Of NIfTI files of several frames (4D) the one to take, counted from 0 [such files are refused]", 0, int.MaxValue);
        var classes = new Option<string[]>("--class") { Description = "The class to make a heatmap of; may be repeated [all of the model's]", HelpName = "NAME" };
        var method = Arguments.Choice("--method", "How the encoder's answers become a heatmap", CamResolution.MethodNames);
        var cam = Arguments.Choice("--cam", "Which class activation maps the methods with cam are made of", "gradcam", "layercam");
        var layer = new Option<string?>("--layer") { Description = "The layer that maps are made of [the encoder's last]", HelpName = "NAME" };
        var directions = Arguments.Number<int>("--directions", "P", "Directions in which slices are cut", 1, 1_000_000, new MethodOptions().Directions);
        var set = Arguments.Choice("--set", "How directions are spread", "rings", "fibonacci", "grid");
        var spacing = Arguments.Number<double?>("--spacing", "MM", "Distance between slices [model's, else the finest voxel spacing]", 1e-3, 1e3);
        var pixel = Arguments.Number<double?>("--pixel", "MM", "Pixel size in a slice [model's, else the slice spacing]", 1e-3, 1e3);
        var size = Arguments.Number<int?>("--size", "S", "Edge of a slice in pixels [model's, else what covers the volume]", 2, 8192);
        var alpha = Arguments.Number<double?>("--alpha", "A", "Exponent of the filter |ω|^α, 0 to 2 [model's, else 2]", 0, 2);
        var window = Arguments.Parsed("--window", "none|cosine|hann|3point", "What tames the filter at high frequencies [model's, else none]", SettingsResolution.ParseWindow);
        var threshold = Arguments.ParsedReference("--threshold", "T|T%", "Also write mask.nii.gz: voxels from T, or from T % of the peak [model's, if any]", SettingsResolution.ParseThreshold);
        var adaptive = new Option<bool>("--adaptive") { Description = "After a coarse pass encode only planes that meet what may be a lesion, until the heatmap stands" };
        var until = Arguments.Number<double?>("--until", "X", "Stop after the pass that changes the heatmap by less than X, relative L2 [all directions; with --adaptive 0.05]", 1e-6, 1);
        var device = new Option<string>("--device") { Description = "auto, cpu or cuda:N", DefaultValueFactory = _ => "auto" };
        var report = new Option<string?>("--report") { Description = "Write the account of the run to this JSON file", HelpName = "FILE.json" };
        var quiet = new Option<bool>("--quiet", "-q") { Description = "Print nothing but problems" };
        var verbose = new Option<bool>("--verbose", "-v") { Description = "Print what the node logs" };

        var command = new Command("run", "Make 3D heatmaps of volumes; run again, it does only what is not verifiably done.")
        {
            input.NotEmpty(), model.NotEmpty(), output.NotEmpty(), channels, frame, classes.NotEmpty(), method, cam, layer.NotEmpty(), directions, set, spacing, pixel, size, alpha, window, threshold, adaptive, until, device, report.NotEmpty(), quiet, verbose,
        };
        command.Validators.Add(parsed =>
        {
            if (parsed.GetValue(quiet) && parsed.GetValue(verbose))
            {
                parsed.AddError("Give --quiet or --verbose, not both.");
            }
        });
        string[] maps = CamResolution.MapNames, looking = CamResolution.LookingNames, spread = [CamResolution.Tonno, "averaged-cam", "tomographic-cam"];
        string[] filtered = [CamResolution.Tonno, "tomographic-cam"], passes = [CamResolution.Tonno];
        command.RequireMethod(
            method, (cam, maps), (layer, maps), (spacing, looking), (pixel, looking), (size, looking), (directions, spread), (set, spread), (alpha, filtered), (window, filtered), (adaptive, passes), (until, passes));
        command.SetAction((parsed, cancel) => ExecuteAsync(
            new Request(
                parsed.GetValue(input)!,
                parsed.GetValue(model)!,
                parsed.GetValue(output)!,
                parsed.GetValue(channels) is { Length: > 0 } endings ? endings : null, // an array that was not given is empty
                parsed.GetValue(frame),
                parsed.GetValue(method)!,
                CamResolution.Kind(parsed.GetValue(cam)!),
                parsed.GetValue(layer),
                new MethodOptions
                {
                    Set = Enum.Parse<DirectionSetKind>(parsed.GetValue(set)!, ignoreCase: true),
                    Directions = parsed.GetValue(directions),
                    SpacingMm = parsed.GetValue(spacing),
                    PixelMm = parsed.GetValue(pixel),
                    Size = parsed.GetValue(size),
                    Alpha = parsed.GetValue(alpha),
                    Window = parsed.GetValue(window),
                    Threshold = parsed.GetValue(threshold),
                    Classes = parsed.GetValue(classes)!,
                    Adaptive = parsed.GetValue(adaptive),
                    Until = parsed.GetValue(until),
                },
                parsed.GetValue(device)!,
                parsed.GetValue(report),
                parsed.GetValue(quiet),
                parsed.GetValue(verbose)),
            cancel));
        return command;
    }

    private static async Task<int> ExecuteAsync(Request request, CancellationToken cancel)
    {
        var modelName = request.Model.StartsWith("builtin:", StringComparison.Ordinal) ? request.Model : Path.GetFullPath(request.Model);
        SourceListing sources;
        RunSettings settings;
        using (var encoder = EncoderFactory.Open(modelName, request.Device))
        {
            settings = SettingsResolution.Resolve(modelName, encoder.Card, request.Resolve(encoder));
            if (!settings.IsCentreBlob)
            {
                EncoderProbe.TryPrecision(modelName, encoder, EncoderProbe.Try(encoder, settings.Size, settings.Maps?.Layer));
            }

            sources = SourceListing.List(request.Sources, request.Output, SettingsResolution.Channels(encoder.Card, request.Channels));
        }

        RequireReportApart(request, sources);
        sources = request.Frame is { } frame ? sources.OfFrame(frame) : sources;
        if (Path.GetFullPath(request.Output) == modelName)
        {
            throw new CommandException(ExitCodes.Usage, "output.misplaced", $"Results would be written into the model's folder {request.Model}: choose another.");
        }

        if (sources.Inputs.Count == 0)
        {
            throw new CommandException(
                ExitCodes.NothingDone, "input.no_channels", $"None of the {sources.LeftOut.Count} files ends like a channel: name the endings by --channels, as in _T1,_FLAIR.");
        }

        var options = LocalResources.Options(request.Output, request.Device) with { LogLevel = request.Verbose ? LogLevel.Information : LogLevel.Error };
        IReadOnlyList<RunProtocol.VolumeConcluded> concluded = [];
        async Task Run(IRunDisplay display) => concluded = await RunJob.ExecuteAsync(options, settings, sources.Inputs, display, cancel).ConfigureAwait(false);
        await RunDisplays.ShowAsync(request.Quiet, Run).ConfigureAwait(false);

        var report = RunReport.Of(sources, concluded);
        var exitCode = Conclude(report, request.Quiet, cancel.IsCancellationRequested);
        if (request.Report is { } file)
        {
            await WriteReportAsync(file, report).ConfigureAwait(false);
        }

        return exitCode;
    }

    /// <summary>Refuses a report that would be written over an input, the model or a result.</summary>
    private static void RequireReportApart(Request request, SourceListing sources)
    {
        if (request.Report is not { } file)
        {
            return;
        }

        var path = Path.GetFullPath(file);
        bool Within(string folder) => path.StartsWith(Path.GetFullPath(folder) + Path.DirectorySeparatorChar, StringComparison.Ordinal);
        if (Within(request.Output) || Within(request.Model) || (File.Exists(path) && sources.Inputs.Any(input => input.Uris.Contains(path))))
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
            var reasons = report.LeftOut.CountBy(file => file.Reason).OrderBy(pair => pair.Key, StringComparer.Ordinal).Select(pair => $"{pair.Value} {pair.Key}");
            Console.Out.WriteLine($"{report.LeftOut.Count} files left out ({string.Join(", ", reasons)}); --report lists them");
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

    private sealed record Request(
        string[] Sources, string Model, string Output, string[]? Channels, int? Frame, string Method, MapKind MapKind, string? Layer, MethodOptions Options, string Device, string? Report, bool Quiet, bool Verbose)
    {
        /// <summary>The options, completed by what the method prescribes and the encoder offers.</summary>
        public MethodOptions Resolve(ISliceEncoder encoder)
        {
            if (CamResolution.Method(Method) is not { } method)
            {
                return Options;
            }

            var (set, directions) = CamResolution.Axes(method) ?? (Options.Set, Options.Directions);
            return Options with { Cam = CamResolution.Resolve(encoder, method, MapKind, Layer), Set = set, Directions = directions };
        }
    }
}
