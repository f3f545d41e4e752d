using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using ToNNO.Contracts;
using ToNNO.Coordinator.Api;
using ToNNO.Encoders;
using ToNNO.Encoders.Models;
using ToNNO.Imaging.Nifti;
using ToNNO.Imaging.Previews;
using ToNNO.Tomography.Geometry;
using ToNNO.Tomography.Lifting;
using ToNNO.Tonno.Commands;
using ToNNO.Tonno.Evaluation;
using ToNNO.Tonno.Hosting;
using ToNNO.Tonno.Runs;
using ToNNO.Tonno.Sources;

namespace ToNNO.Tonno.Demo;

/// <summary>The demonstration: trains on some of the samples, runs the others through a node, and scores them.</summary>
internal sealed class DemoJob(SampleCases samples, DemoFolder folder, TextWriter console)
{
    private const int TrainingSeed = 0;
    private const int TestCutSeed = 1;
    private const int Directions = 160;
    private const double SpacingMm = 4;
    private const string Device = "cpu";

    /// <summary>Each training patient is cut in three ways: where a tumour lies in its volume bears on the best threshold.</summary>
    private static readonly int[] CalibrationCutSeeds = [11, 12, 13];

    public async Task RunAsync(CancellationToken cancel)
    {
        var begun = Stopwatch.GetTimestamp();
        console.WriteLine($"""
            ToNNO demo. PET scans of {SampleCases.TrainingIds.Count + SampleCases.TestIds.Count} patients with a sarcoma: {SampleCases.TrainingIds.Count} to learn from, {SampleCases.TestIds.Count} for the test.
            All is written to {folder.Root}
            """);

        var csv = await File.ReadAllBytesAsync(samples.CropsPath, cancel).ConfigureAwait(false);
        var crops = LabelledVolume.Load(samples, TrainingCrop.Parse(System.Text.Encoding.UTF8.GetString(csv)));
        Step(1, $"Train a small 2D network on crops that are labelled yes or no: {crops.Count(crop => crop.HasTumour)} with tumour, {crops.Count(crop => !crop.HasTumour)} without. No mask is read.");
        var trained = await TrainAsync(crops, cancel).ConfigureAwait(false);
        console.WriteLine(Invariant($"  learned from {trained.Slices} slices; loss {trained.Loss:F2}, where guessing is .69{(trained.Restarts == 0 ? "" : $"; started again {trained.Restarts} times")}"));

        var metadata = Metadata(trained, Convert.ToHexStringLower(SHA256.HashData(csv)));
        using var encoder = new TorchSliceEncoder(trained.Network, metadata.ToCard("", "demo"), Device);
        Step(2, $"Choose the filter and the threshold on the {SampleCases.TrainingIds.Count} training patients, whose masks are read for this.");
        var calibration = await CalibrateAsync(encoder, cancel).ConfigureAwait(false);
        console.WriteLine(Invariant($"  filter exponent {calibration.Alpha}, threshold {100 * calibration.ThresholdOfPeak:F1} % of the peak: mean Dice {calibration.MeanDice:F2} on them"));
        var card = folder.ReplaceModel(WithCalibration(metadata, calibration), trained.Network);

        Step(3, $"Cut the {SampleCases.TestIds.Count} test volumes so that the tumour is off centre (at random, seeded): the samples are cropped around it.");
        var cases = SampleCases.TestIds.Select(id => OffCentreCase.Load(samples, id, TestCutSeed)).ToList();
        WriteInputs(cases);

        Step(4, $"Run ToNNO over them, as in: tonno run -i {Shown(folder.Inputs)} -m {Shown(folder.Model)} -o {Shown(folder.Results)} --directions {Directions}");
        await RunVolumesAsync(card, cancel).ConfigureAwait(false);

        Step(5, "Score, draw, and write the page.");
        var threshold = new HeatmapThreshold(calibration.ThresholdOfPeak, OfPeak: true);
        var scored = cases.Select(one => Score(one, calibration, threshold)).ToList();
        var means = DemoMeans.Of(scored);
        var suv = cases.Select(one => Dice.Above(one.Image.Samples.AsFloats(), calibration.Suv, one.Reference)).ToList();
        var story = new DemoStory(trained, calibration, card, crops.Count, Directions, SpacingMm, means, suv.Average());
        var page = DemoPage.Build(new DemoReport(DemoStory.Title, story.Introduction, story.EncoderFacts, story.Settings, scored, means));
        DemoFolder.Write(folder.Page, file => file.Write(System.Text.Encoding.UTF8.GetBytes(page)));
        var seconds = Stopwatch.GetElapsedTime(begun).TotalSeconds;
        var summary = new DemoSummary(
            card.Sha256, trained.Seed, trained.Restarts, trained.Loss, SampleCases.TrainingIds, calibration,
            [.. scored.Zip(suv, (row, plain) => new DemoSummary.CaseLine(
                row.Id, row.Dice, row.OwnBestDice, row.CentreBlobDice, plain, row.PeakInMask, row.Duration.TotalSeconds))],
            means.Dice, means.OwnBestDice, means.CentreBlobDice, suv.Average(), means.PeaksInMask, seconds);
        DemoFolder.Write(folder.Summary, file => file.Write(Documents.ToBytes(summary)));

        console.WriteLine();
        console.Write(DemoTable.Format(scored, means));
        console.WriteLine();
        console.WriteLine(story.Caveat);
        console.WriteLine();
        console.WriteLine(Invariant($"Done in {seconds:F0} s. Open {folder.Page} in a browser; the pictures and heatmaps lie beside it."));
    }

    private void Step(int number, string text) => console.WriteLine($"\n{number}/5  {text}");

    private static Task<TrainedEncoder> TrainAsync(IReadOnlyList<LabelledVolume> crops, CancellationToken cancel) => StepDisplays.ShowAsync(
        "training",
        show => DemoTraining.Train(
            crops,
            TrainingSeed,
            (attempt, at) => show(
                at.Step / (double)at.Steps,
                Invariant($"{(attempt == 0 ? "" : $"try {attempt + 1}, ")}step {at.Step} of {at.Steps}, loss {at.Loss:F2}")),
            cancel),
        cancel);

    private Task<Calibration> CalibrateAsync(TorchSliceEncoder encoder, CancellationToken cancel)
    {
        var cases = SampleCases.TrainingIds.SelectMany(_ => CalibrationCutSeeds, (id, seed) => OffCentreCase.Load(samples, id, seed)).ToList();
        var settings = SettingsResolution.Resolve("", encoder.Card, new MethodOptions { Directions = Directions });
        return StepDisplays.ShowAsync(
            "heatmaps of training patients",
            show => Calibration.Choose(
                cases, encoder, settings, done => show(done / (double)cases.Count, $"{done} of {cases.Count} volumes done"), cancel),
            cancel);
    }

    private static ModelMetadata Metadata(TrainedEncoder trained, string cropsSha256) => new()
    {
        Name = "tonno-demo",
        Version = "1.0.0",
        Task = "Says how much a slice of a PET volume looks like the ones of crops that hold a sarcoma",
        Description = "The demonstration's encoder: for showing ToNNO, not for patients.",
        Classes = ["tumour"],
        Architecture = DemoTraining.Architecture,
        PixelMm = DemoTraining.PixelMm,
        SpacingMm = SpacingMm,
        Intensities = [DemoTraining.Intensity],
        Window = "hann",
        Training = new JsonObject
        {
            ["data"] = "ibsi-sts, PET (CC BY 3.0); see samples/README.md",
            ["cases"] = new JsonArray([.. SampleCases.TrainingIds.Select(id => (JsonNode)id)]),
            ["labels"] = "yes or no per crop; masks were not read",
            ["crops_sha256"] = cropsSha256,
            ["slices"] = trained.Slices,
            ["slice_size"] = DemoTraining.SliceSize,
            ["seed"] = trained.Seed,
            ["restarts"] = trained.Restarts,
            ["steps"] = DemoTraining.Options.Steps,
            ["batch_size"] = DemoTraining.Options.BatchSize,
            ["learning_rate"] = DemoTraining.Options.LearningRate,
            ["weight_decay"] = DemoTraining.Options.WeightDecay,
            ["loss"] = Math.Round(trained.Loss, 4),
        },
    };

    private static ModelMetadata WithCalibration(ModelMetadata metadata, Calibration calibration)
    {
        var training = (JsonObject)metadata.Training!.DeepClone();
        training["calibration"] = new JsonObject
        {
            ["chosen"] = "threshold for the highest mean Dice on off-centre crops of the training cases, with their masks; the highest alpha within .01 of the best",
            ["directions"] = Directions,
            ["cut_seeds"] = new JsonArray([.. CalibrationCutSeeds.Select(seed => (JsonNode)seed)]),
            ["mean_dice"] = Math.Round(calibration.MeanDice, 4),
        };
        return metadata with
        {
            Alpha = calibration.Alpha,
            Threshold = new HeatmapThreshold(calibration.ThresholdOfPeak, OfPeak: true),
            Training = training,
        };
    }

    private void WriteInputs(IReadOnlyList<OffCentreCase> cases)
    {
        foreach (var one in cases)
        {
            DemoFolder.Write(folder.Input(one.Id), file =>
            {
                using var writer = NiftiWriter.ForHeatmap(file, one.Header, DemoTraining.Intensity.Low, DemoTraining.Intensity.High, "ToNNO demo input", compress: true);
                writer.Append(one.Image.Samples.AsFloats());
                writer.Complete();
            });
            DemoFolder.Write(folder.Mask(one.Id), file =>
            {
                using var writer = NiftiWriter.ForMask(file, one.Header, compress: true);
                writer.Append(one.Reference);
                writer.Complete();
            });
        }

        DemoFolder.Write(folder.References, file => file.Write(System.Text.Encoding.UTF8.GetBytes(
            string.Concat(["file,mask,patient\n", .. cases.Select(one => $"inputs/{one.Id}.nii.gz,masks/{one.Id}.nii.gz,{one.Id}\n")]))));
    }

    private async Task RunVolumesAsync(EncoderCard card, CancellationToken cancel)
    {
        var settings = SettingsResolution.Resolve(folder.Model, card, new MethodOptions { Directions = Directions });
        var sources = SourceListing.List(SampleCases.TestIds.Select(folder.Input), folder.Results);
        IReadOnlyList<RunProtocol.VolumeConcluded> concluded = [];
        await RunDisplays.ShowAsync(quiet: false, async display => concluded = await RunJob.ExecuteAsync(
            LocalResources.Options(folder.Results, Device), settings, sources.Inputs, display, cancel).ConfigureAwait(false)).ConfigureAwait(false);
        cancel.ThrowIfCancellationRequested();
        if (RunReport.Of(new PlannedRun(settings, sources.Inputs, sources.LeftOut, sources.TakenBy, sources.Rules), concluded).Volumes.FirstOrDefault(volume => volume.State is not (VolumeState.Completed or VolumeState.Warning)) is { } failed)
        {
            throw new CommandException(ExitCodes.SomeFailed, failed.ReasonCode ?? "demo.unfinished", $"{failed.VolumeId} was not completed. {failed.Detail}");
        }
    }

    private DemoCase Score(OffCentreCase one, Calibration calibration, HeatmapThreshold threshold)
    {
        var heatmap = NiftiReader.Read(folder.Result(one.Id, "heatmap.nii.gz"), long.MaxValue);
        heatmap.Header.RequireSameGrid(one.Header, one.Id);
        var mask = NiftiReader.Read(folder.Result(one.Id, "mask.nii.gz"), long.MaxValue).Volume.Samples.AsFloats();
        var result = Documents.TryParse<VolumeResult>(File.ReadAllBytes(folder.Result(one.Id, VolumeResult.FileName)))
            ?? throw new InvalidOperationException($"The result of {one.Id} cannot be read.");
        var values = heatmap.Volume.Samples.AsFloats();
        var (i, j, k) = result.Heatmaps[0].PeakIndex;
        var peakInMask = one.Reference[i + (one.Header.Shape.I * (j + (one.Header.Shape.J * k)))] != 0;
        var dice = Dice.Of(Array.ConvertAll(mask, value => (byte)value), one.Reference);
        var png = PreviewRenderer.RenderPng(new PreviewRequest(one.Image, values, Invariant($"{one.Id}: Dice {dice:F2}, peak {(peakInMask ? "in" : "outside")} the tumour"))
        {
            ReferenceMask = one.Reference,
            Threshold = threshold,
        });
        DemoFolder.Write(folder.Picture(one.Id), file => file.Write(png));
        return new DemoCase(
            one.Id,
            dice,
            new RankedVoxels(values, one.Reference).BestDice().Dice,
            Dice.Above(CentreBlob.Of(one.Image.Geometry), CentreBlob.BoundOf(one.Image.Geometry, calibration.BlobRadiusMm), one.Reference),
            peakInMask,
            TimeSpan.FromSeconds(result.Seconds.Total))
        {
            PreviewPng = png,
            Image = one.Image,
            Heatmap = values,
            ReferenceMask = one.Reference,
            Threshold = threshold,
        };
    }

    private static string Shown(string path) => Path.GetRelativePath(Directory.GetCurrentDirectory(), path);

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
