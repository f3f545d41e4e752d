using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using ToNNO.Imaging;
using ToNNO.Imaging.Sinograms;
using ToNNO.Tomography.Filtering;
using ToNNO.Tomography.Geometry;
using ToNNO.Tomography.Iterative;
using ToNNO.Tonno.Reconstruction;
using ToNNO.Tonno.Runs;

namespace ToNNO.Tonno.Commands;

/// <summary><c>tonno recon</c>: a heatmap again, of a kept sinogram, without image or encoder.</summary>
internal static class ReconCommand
{
    private const string Direct = "direct";
    private const string Fista = "fista";

    public static Command Create()
    {
        var input = new Option<string>("--input", "-i") { Description = "A sinogram.npz, or the result folder of a volume that holds one", Required = true, HelpName = "SINOGRAM" };
        var output = new Option<string>("--output", "-o") { Description = "The heatmap to write, .nii.gz or .nii", Required = true, HelpName = "FILE" };
        var className = new Option<string?>("--class") { Description = "The class, by its name [the only one]", HelpName = "NAME" };
        var alpha = Arguments.Number<double?>("--alpha", "A", "Exponent of the filter |ω|^α, 0 to 2 [the run's; fista's 2]", 0, 2);
        var window = Arguments.Parsed("--window", "none|cosine|hann|3point", "What tames the filter at high frequencies [the run's; fista's hann]", SettingsResolution.ParseWindow);
        var threshold = Arguments.ParsedReference("--threshold", "T|T%", "Also write FILE's mask, .mask before its ending: voxels from T, or from T % of the peak", SettingsResolution.ParseThreshold);
        var standard = new IterativeOptions();
        var solver = Arguments.Choice("--solver", "direct filters and backprojects; fista seeks the heatmap without negative values that explains the logits best", Direct, Fista);
        var iterations = Arguments.Number<int?>("--iterations", "N", $"Of fista, at most [{standard.MostIterations}]", 1, 100_000);
        var tolerance = Arguments.Number<double?>("--tolerance", "X", $"Stop fista once an iteration changes the heatmap by less than X, relative L2 [{standard.Tolerance}]", 0, 1);
        var quiet = new Option<bool>("--quiet", "-q") { Description = "Print nothing but problems" };
        var command = new Command("recon", "Make a heatmap again, of a kept sinogram, without image or encoder.")
        {
            input.NotEmpty(), output.NotEmpty(), className.NotEmpty(), alpha, window, threshold, solver, iterations, tolerance, quiet,
        };
        command.Validators.Add(parsed =>
        {
            foreach (var option in new Option[] { iterations, tolerance }.Where(option => parsed.GetResult(option) is not null && parsed.GetValue(solver) != Fista))
            {
                parsed.AddError($"{option.Name} goes with --solver {Fista}: leave it out.");
            }
        });
        command.SetAction((parsed, cancel) => ExecuteAsync(
            new Request(
                parsed.GetValue(input)!,
                parsed.GetValue(output)!,
                parsed.GetValue(className),
                parsed.GetValue(alpha),
                parsed.GetValue(window),
                parsed.GetValue(threshold),
                parsed.GetValue(solver)!,
                standard with { MostIterations = parsed.GetValue(iterations) ?? standard.MostIterations, Tolerance = parsed.GetValue(tolerance) ?? standard.Tolerance },
                parsed.GetValue(quiet)),
            cancel));
        return command;
    }

    private static async Task<int> ExecuteAsync(Request request, CancellationToken cancel)
    {
        var begun = Stopwatch.GetTimestamp();
        var input = Locate(request.Input);
        var files = HeatmapFiles.At(request.Output, input);
        var sinogram = SinogramFile.Read(input);
        var classIndex = ClassOf(sinogram, request.ClassName);
        RequireMemory(sinogram.Header.Shape, input, request.Solver);
        try
        {
            var (heatmap, how) = request.Quiet
                ? await Task.Run(() => Reconstruct(sinogram, classIndex, request, (_, _) => { }, cancel), cancel).ConfigureAwait(false)
                : await StepDisplays.ShowAsync("reconstructing", report => Reconstruct(sinogram, classIndex, request, report, cancel), cancel).ConfigureAwait(false);
            var (peak, at) = Peak(heatmap, input);
            files.Write(sinogram.Header, heatmap, peak, request.Threshold?.For(peak));
            if (!request.Quiet)
            {
                var voxel = VoxelIndex.At(at, sinogram.Header.Shape);
                Console.Out.WriteLine(string.Create(
                    CultureInfo.InvariantCulture,
                    $"{Path.GetFileName(files.Heatmap)}: {sinogram.Header.Shape}, class {sinogram.Classes[classIndex]}, {sinogram.Plan.Directions.Count} directions, {how}; peak {peak:G4} at voxel {voxel.I}, {voxel.J}, {voxel.K}; {Stopwatch.GetElapsedTime(begun).TotalSeconds:F1} s"));
            }

            return ExitCodes.Completed;
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            Console.Error.WriteLine("interrupted: nothing was written.");
            return ExitCodes.Interrupted;
        }
    }

    /// <returns>The heatmap, and how it was made in words.</returns>
    private static (float[] Heatmap, string How) Reconstruct(
        Sinogram sinogram, int classIndex, Request request, Action<double, string> report, CancellationToken cancel)
    {
        static string Text(FormattableString text) => FormattableString.Invariant(text);
        if (request.Solver == Direct)
        {
            var (alpha, window) = (request.Alpha ?? sinogram.Alpha, request.Window ?? sinogram.Window);
            var direct = DirectReconstruction.Reconstruct(sinogram, classIndex, alpha, window, part => report(part, Text($"backprojecting, {part:P0}")), cancel);
            return (direct, Text($"alpha {alpha}, window {window.Name()}"));
        }

        var options = request.Iterative with { Alpha = request.Alpha ?? request.Iterative.Alpha, Window = request.Window ?? request.Iterative.Window };
        var solution = new NonNegativeSolver(sinogram.Header.Geometry, sinogram.Plan, options).Solve(
            sinogram.LogitsOf(classIndex).Span,
            sinogram.BlankLogits[classIndex],
            step => report((double)step.Iteration / options.MostIterations, Text($"iteration {step.Iteration}, residual {step.Residual:F4}, change {step.Change:F4}")),
            cancel);
        var end = solution.Converged ? "converged" : "not converged";
        return (
            solution.Heatmap,
            Text($"fista, alpha {options.Alpha}, window {options.Window.Name()}, {end} after {solution.Iterations} iterations, residual {solution.Residual:F4}, lambda {solution.LargestEigenvalue:F2}"));
    }

    private static string Locate(string input)
    {
        if (!Directory.Exists(input))
        {
            return input;
        }

        var file = Path.Combine(input, SinogramFile.FileName);
        return File.Exists(file)
            ? file
            : throw new CommandException(
                ExitCodes.NothingDone, RejectReason.FileMissing.Code(), $"{input} holds no {SinogramFile.FileName}: give the result folder of one volume, or the file itself.");
    }

    private static int ClassOf(Sinogram sinogram, string? name)
    {
        var at = name is null ? sinogram.Classes.Count - 1 : sinogram.Classes.ToList().IndexOf(name);
        return at >= 0 && (name is not null || sinogram.Classes.Count == 1)
            ? at
            : throw new CommandException(
                ExitCodes.Usage,
                "class.unknown",
                $"{(name is null ? "The sinogram holds several classes" : $"The sinogram holds no class {name}")}: give --class with one of {string.Join(", ", sinogram.Classes)}.");
    }

    private static void RequireMemory(VolumeShape shape, string input, string solver)
    {
        var bytes = solver == Fista ? NonNegativeSolver.PredictedBytes(shape) : shape.VoxelCount * sizeof(float);
        if (shape.VoxelCount > Array.MaxLength || bytes > GC.GetGCMemoryInfo().TotalAvailableMemoryBytes)
        {
            throw new ImagingException(
                RejectReason.VolumeTooLarge, $"The heatmap of {Path.GetFileName(input)} ({shape}) takes {bytes >> 20} MiB of memory, more than there is: use a larger machine.");
        }
    }

    private static (float Value, int At) Peak(ReadOnlySpan<float> heatmap, string input)
    {
        var (peak, place) = (float.NegativeInfinity, 0);
        for (var at = 0; at < heatmap.Length; at++)
        {
            if (!float.IsFinite(heatmap[at]))
            {
                throw new ImagingException(
                    RejectReason.HeatmapNonFinite, $"The heatmap of {Path.GetFileName(input)} holds NaN or infinite values; look for extreme logits in it.");
            }

            (peak, place) = heatmap[at] > peak ? (heatmap[at], at) : (peak, place);
        }

        return (peak, place);
    }

    private sealed record Request(
        string Input, string Output, string? ClassName, double? Alpha, FilterWindow? Window, HeatmapThreshold? Threshold, string Solver, IterativeOptions Iterative, bool Quiet);
}
