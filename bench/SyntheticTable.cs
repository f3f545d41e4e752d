using System.Diagnostics;
using System.Globalization;
using ToNNO.Cohort;
using ToNNO.Contracts;
using ToNNO.Encoders;
using ToNNO.Tomography.Sampling;
using ToNNO.Tonno.Commands;
using ToNNO.Tonno.Evaluation;
using ToNNO.Tonno.Hosting;
using ToNNO.Tonno.Runs;
using ToNNO.Tonno.Sources;
using ToNNO.Tonno.Training;

namespace ToNNO.Bench;

/// <summary>The methods on a made-up cohort of hundreds of patients, by the parts behind <c>tonno train</c>, <c>run</c> and <c>evaluate</c>.</summary>
internal static class SyntheticTable
{
    private const int Directions = 96;
    private const double SpacingMm = 3.5;
    private const string Intensity = "builtin:sum"; // its heatmap is the volume: what a threshold on intensities can do

    /// <summary>Networks to compare by: one whose last map is as fine as its pixels, and one that pools as those in use do.</summary>
    private static readonly Dictionary<string, TrainingRequest> _encoders = new()
    {
        ["fine"] = new() { Labels = "", Model = "", Layers = [TrainingRequest.Layer(16), TrainingRequest.Layer(16), TrainingRequest.Layer(16)], LearningRate = 0.03 },
        ["pooled"] = new() { Labels = "", Model = "", Layers = [TrainingRequest.Layer(16, 2), TrainingRequest.Layer(32, 2), TrainingRequest.Layer(32, 2)] },
    };

    private static readonly Dictionary<string, CamMethod?> _methods = new()
    {
        ["ToNNO"] = null,
        ["averaged CAM"] = CamMethod.Averaged,
        ["tomographic CAM"] = CamMethod.Tomographic,
        ["one-axis CAM"] = CamMethod.OneAxis,
        ["three-axis CAM"] = CamMethod.ThreeAxes,
        ["ball at the centre"] = CamMethod.CentreBlob,
        ["intensity"] = null,
    };

    /// <param name="arguments">The encoders, all where none is named; a number is the cohort's and the training's seed.</param>
    public static object Measure(string[] arguments)
    {
        using var folder = new BenchFolder();
        var seed = arguments.Select(text => int.TryParse(text, CultureInfo.InvariantCulture, out var number) ? number : 0).Sum();
        var sizes = new CohortSizes();
        SyntheticCohort.Write(folder["cohort"], sizes, seed);
        var named = _encoders.Keys.Where(arguments.Contains).ToList();
        return new { seed, sizes, encoders = (named.Count == 0 ? [.. _encoders.Keys] : named).ConvertAll(name => Measure(folder, name, seed)) };
    }

    private static object Measure(BenchFolder folder, string name, int seed)
    {
        var begun = Stopwatch.GetTimestamp();
        var model = folder[$"{name}-model"];
        var trained = TrainingJob.Prepare(_encoders[name] with
        {
            Labels = Path.Combine(folder["cohort"], "labels.csv"),
            Model = model,
            ValidationShare = null,
            Size = 48,
            PixelMm = 3,
            Steps = 1000,
            Patience = 20,
            Seed = seed,
            Device = "cpu",
        }).Run((_, _) => { }, CancellationToken.None);
        Console.Error.WriteLine($"{name}: trained, validation AUC {trained.Auc:F3}");

        var references = Path.Combine(folder["cohort"], "references.csv");
        var images = ReferenceSheet.Read(references, null).Cases.Select(one => one.ImagePath).ToList();
        var stores = _methods.Keys.Select(method => $"{method}={Run(folder.New(), images, method == "intensity" ? Intensity : model, _methods[method], $"{name}, {method}")}").ToList();
        var report = EvaluationJob.Prepare(new EvaluationRequest { Stores = stores, References = references, Sweep = true }).Run((_, _) => { }, CancellationToken.None);
        return new
        {
            name,
            auc = Round(trained.Auc),
            minutes = Math.Round(Stopwatch.GetElapsedTime(begun).TotalMinutes, 1),
            report.Patients,
            methods = report.Methods.Select(method => new
            {
                method.Name,
                chosen = method.Choices.Select(choice => choice.Choice),
                scores = Metric.All.ToDictionary(metric => metric.Key, metric => Rounded(method.Estimates[metric.Key])),
            }),
            dice_differences = report.Pairs.ToDictionary(pair => $"{pair.One} - {pair.Other}", pair => Rounded(pair.Differences[Metric.Dice.Key])),
        };
    }

    /// <returns>The folder of the results.</returns>
    private static string Run(string output, List<string> images, string model, CamMethod? method, string title)
    {
        var begun = Stopwatch.GetTimestamp();
        using var encoder = EncoderFactory.Open(model, "cpu");
        var axes = CamResolution.Axes(method);
        var settings = SettingsResolution.Resolve(model, encoder.Card, new MethodOptions
        {
            Cam = method is { } cam ? CamResolution.Resolve(encoder, cam, MapKind.GradCam, null) : null,
            Set = axes?.Set ?? DirectionSetKind.Rings,
            Directions = axes?.Count ?? Directions,
            SpacingMm = SpacingMm,
        });
        var sources = SourceListing.List(images, output);
        var concluded = RunJob.ExecuteAsync(LocalResources.Options(output, "cpu"), settings, sources.Inputs, new Silence(), CancellationToken.None).GetAwaiter().GetResult();
        Console.Error.WriteLine($"{title}: {concluded.Count(volume => volume.State is VolumeState.Completed or VolumeState.Warning)} of {images.Count} volumes in {Stopwatch.GetElapsedTime(begun).TotalSeconds:F0} s");
        return output;
    }

    private static double?[] Rounded(Estimate estimate) => [Round(estimate.Mean), Round(estimate.Low), Round(estimate.High)];

    private static double? Round(double value) => double.IsFinite(value) ? Math.Round(value, 3) : null;

    private sealed class Silence : IRunDisplay
    {
        public void Show(RunProtocol.RunProgressed progress)
        {
        }

        public void Show(RunProtocol.VolumeConcluded concluded)
        {
        }
    }
}
