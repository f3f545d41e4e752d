using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using ToNNO.Encoders;
using ToNNO.Encoders.Models;
using ToNNO.Encoders.Networks;
using ToNNO.Encoders.Training;
using ToNNO.Tomography.Geometry;
using ToNNO.Tonno.Commands;
using TorchSharp;

namespace ToNNO.Tonno.Training;

/// <summary>Trains an encoder from volumes and their yes or no, and writes the model folder. No mask is read.</summary>
internal sealed class TrainingJob
{
    /// <summary>Of the window that the volumes to learn from have in common.</summary>
    private const double LowPercentile = 0.5;

    private const double HighPercentile = 99.5;

    /// <summary>Names what of the program decides the weights: raise it with any change to sampling, networks or optimizer, so that no
    /// training goes on from a checkpoint that began another way.</summary>
    private const int Version = 2;

    /// <summary>What did best in cross-validation over 30 PET patients (docs/benchmarks.md, "Real lesions"): nothing here has masks to choose by.</summary>
    private static readonly HeatmapThreshold _rule = new(0.65, OfPeak: true);

    private readonly TrainingRequest _request;
    private readonly Cohort _cohort;
    private readonly IReadOnlyList<LabelledFile> _files;

    private TrainingJob(TrainingRequest request, Cohort cohort) =>
        (_request, _cohort, _files) = (request, cohort, [.. cohort.Training, .. cohort.Validation]);

    /// <summary>The file that an interrupted training goes on from; it goes once the model is there.</summary>
    public static string CheckpointPath(string model) => Path.TrimEndingDirectorySeparator(Path.GetFullPath(model)) + ".checkpoint";

    /// <summary>Checks all that can be checked without reading a volume.</summary>
    /// <exception cref="CommandException">The labels do not do.</exception>
    /// <exception cref="EncoderException">The model folder exists already, or the device is absent.</exception>
    public static TrainingJob Prepare(TrainingRequest request)
    {
        TorchDevice.ThrowIfInvalid(request.Device);
        ModelFolder.ThrowIfTaken(request.Model);
        var cohort = LabelSheet.Read(request.Labels, request.Root, request.ValidationShare, request.Seed);
        TorchDevice.Resolve(request.Device);
        return new(request, cohort);
    }

    /// <summary>What is learned from and validated on, in a sentence.</summary>
    public string Describe()
    {
        static string Of(IReadOnlyList<LabelledFile> files) => string.Create(
            CultureInfo.InvariantCulture,
            $"{files.Count} volumes of {Patients(files).Count()} patients ({files.Count(file => file.IsPositive)} yes, {files.Count(file => !file.IsPositive)} no)");
        return $"learning from {Of(_cohort.Training)}, validating on {Of(_cohort.Validation)}";
    }

    /// <param name="progress">Told the part done, 0 to 1, and a text.</param>
    /// <exception cref="CommandException">A file is no volume, or the volumes are all alike.</exception>
    public TrainedModel Run(Action<double, string> progress, CancellationToken cancel)
    {
        torch.set_num_threads(1); // the order of sums is part of what fixes weights
        var (volumes, intensity, sliced) = Read(progress, cancel);
        var grid = TrainingGrid.Choose([.. Enumerable.Range(0, volumes.Count).Select(volumes.Geometry)], _request.PixelMm, _request.Size);
        RequireFit(grid);
        var stopping = new StoppingOptions { EvaluateEvery = _request.EvaluateEvery, Patience = _request.Patience };
        var provenance = Provenance(volumes, intensity, Options(grid, round: 0), stopping);
        var key = Key(provenance);
        TrainableNetwork? network = null;
        try
        {
            for (var round = 0; ; round++)
            {
                network = Network(grid, round);
                var history = Teach(network, volumes, sliced, grid, stopping, key, round, progress, cancel);
                if (round < _request.Rounds)
                {
                    sliced = Imagine(network, volumes, sliced, grid, (part, text) => progress(Part(round + 1, part), text), cancel);
                    continue;
                }

                var best = ValidatedTraining.BestOf(history, LossOf(round))!;
                provenance["scores"] = new JsonObject
                {
                    ["step"] = best.Step,
                    ["steps"] = history[^1].Step,
                    ["training_loss"] = Math.Round(best.TrainingLoss, 4),
                    ["validation_loss"] = Math.Round(best.Loss, 4),
                    ["validation_auc"] = Math.Round(best.Auc, 4),
                };
                var card = ModelFolder.Save(_request.Model, Metadata(network.Architecture, grid, intensity, provenance), network);
                for (var done = 0; done <= _request.Rounds; done++)
                {
                    File.Delete(RoundPath(done));
                }

                return new(card.Sha256, best.Auc, best.Loss, best.Step, history[^1].Step);
            }
        }
        finally
        {
            network?.Dispose();
        }
    }

    /// <summary>One round: from the volumes' labels, or from the masks that the round before made of them.</summary>
    private IReadOnlyList<TrainingEvaluation> Teach(
        TrainableNetwork network,
        TrainingVolumes volumes,
        SlicedVolume[] sliced,
        TrainingGrid grid,
        StoppingOptions stopping,
        string key,
        int round,
        Action<double, string> progress,
        CancellationToken cancel)
    {
        var options = Options(grid, round);
        // The intensity window of volumes that are validated on is theirs, but nothing else of them is looked at.
        var training = new TrainingSlices(volumes, sliced[.._cohort.Training.Count], grid.Size, grid.PixelMm, _request.Seed);
        var validated = sliced[_cohort.Training.Count..];
        var validation = new ValidationSlices(
            new FixedSlices(volumes, validated, _request.ValidationSlices, grid.Size, grid.PixelMm, _request.Seed),
            [.. validated.Select(volume => volume.IsPositive)],
            _request.ValidationSlices);
        return ValidatedTraining.Run(
            network, training, validation, options, stopping, RoundPath(round), round == 0 ? key : Sha256($"{key} {round}"), (at, evaluations) => progress(Part(round, at.Step / (double)at.Steps), Text(at, evaluations, round)), cancel);
    }

    /// <summary>The volumes with what the network's heatmaps take for lesions in those that are labelled yes.</summary>
    /// <remarks>The same network gives the same masks, so that a training that is taken up again makes them anew.</remarks>
    /// <param name="network">The encoder's from here on.</param>
    private SlicedVolume[] Imagine(
        TrainableNetwork network, TrainingVolumes volumes, SlicedVolume[] sliced, TrainingGrid grid, Action<double, string> progress, CancellationToken cancel)
    {
        var card = new EncoderCard
        {
            Name = "training",
            Sha256 = "",
            Classes = [_request.ClassName],
            SliceSize = _request.IsResNet ? grid.Size : null,
            Intensities = [IntensityMap.Identity],
        };
        using var encoder = new TorchSliceEncoder(network, card, _request.Device);
        return [.. sliced.Select((volume, index) =>
        {
            cancel.ThrowIfCancellationRequested();
            progress(0, $"looking at volume {index + 1} of {sliced.Length}");
            return volume.IsPositive ? volume with { Mask = PseudoMask.Of(volumes[volume.Index], volume.Intensity, encoder, grid, cancel) } : volume;
        })];
    }

    private void RequireFit(TrainingGrid grid)
    {
        using var network = Network(grid, round: 0);
        if (network.Architecture.SmallestSlice > grid.Size)
        {
            throw new CommandException(
                ExitCodes.Usage, "train.slice_size", $"Slices of {grid.Size} pixels are too small for this network: give --size {network.Architecture.SmallestSlice} or more.");
        }
    }

    /// <summary>The part done of all rounds.</summary>
    private double Part(int round, double part) => (round + part) / (_request.Rounds + 1);

    /// <summary>A round's checkpoint; those of the rounds before stay until the model is there.</summary>
    private string RoundPath(int round) => CheckpointPath(_request.Model) + (round == 0 ? "" : string.Create(CultureInfo.InvariantCulture, $".{round}"));

    private static SliceLoss LossOf(int round) => round == 0 ? SliceLoss.CrossEntropy : SliceLoss.Huber;

    private static string Text(TrainingProgress at, IReadOnlyList<TrainingEvaluation> evaluations, int round)
    {
        var which = round == 0 ? "" : string.Create(CultureInfo.InvariantCulture, $"round {round}, ");
        var loss = string.Create(CultureInfo.InvariantCulture, $"{which}step {at.Step} of {at.Steps}, loss {at.Loss:F2}");
        return ValidatedTraining.BestOf(evaluations, LossOf(round)) is not { } best ? loss
            : string.Create(CultureInfo.InvariantCulture, $"{loss}; validation AUC {evaluations[^1].Auc:F2}, best {best.Auc:F2} at step {best.Step}");
    }

    private static IOrderedEnumerable<string> Patients(IReadOnlyList<LabelledFile> files) =>
        files.Select(file => file.Patient).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal);

    private static string Sha256(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));

    private static string Key(JsonObject provenance) => Sha256(provenance.ToJsonString());

    /// <summary>Reads each volume once, and finds the intensity windows.</summary>
    /// <returns>The volumes, the model's window, and each volume with the window resolved for it, in the order of the files.</returns>
    private (TrainingVolumes Volumes, IntensityMap Intensity, SlicedVolume[] Sliced) Read(Action<double, string> progress, CancellationToken cancel)
    {
        var own = _request.Percentiles is { } percentiles
            ? new IntensityMap(percentiles.Low, percentiles.High, _request.Fill ?? 0, Rule: new WindowRule(WindowUnit.Percentile, BesidesFill: false))
            : null;
        var resolved = new IntensityMap?[_files.Count];
        var common = new IntensityStatistics();
        var volumes = TrainingVolumes.Open(
            [.. _files.Select(file => file.Path)],
            _request.MemoryBytes,
            (index, volume) =>
            {
                progress(0, $"reading volume {index + 1} of {_files.Count}");
                if (own is not null)
                {
                    var statistics = new IntensityStatistics();
                    statistics.Append(volume.Samples.AsFloats());
                    resolved[index] = statistics.Resolve(own) ?? throw Uniform(_files[index].Name);
                }
                else if (_request.Window is null && index < _cohort.Training.Count)
                {
                    common.Append(volume.Samples.AsFloats());
                }
            },
            cancel);
        var intensity = own ?? Window(common);
        return (volumes, intensity, [.. _files.Select((file, index) => new SlicedVolume(index, file.IsPositive, file.Patient, resolved[index] ?? intensity))]);
    }

    /// <summary>The window in intensities: as given, or from percentiles of all voxels to learn from.</summary>
    private IntensityMap Window(IntensityStatistics common)
    {
        var (low, high) = _request.Window ?? ((float)common.Percentile(LowPercentile), (float)common.Percentile(HighPercentile));
        // Nothing outside is as dark as the darkest inside: air for CT, nothing for PET.
        return low < high ? new IntensityMap(low, high, _request.Fill ?? low) : throw Uniform("The volumes to learn from");
    }

    private static CommandException Uniform(string what) => new(
        ExitCodes.Usage, "volume.uniform", $"{what}: the same intensity nearly everywhere, from which nothing can be learned; check the files, or give --window.");

    private SliceTrainingOptions Options(TrainingGrid grid, int round) => new()
    {
        BatchSize = _request.BatchSize,
        SliceSize = grid.Size,
        PixelMm = grid.PixelMm,
        Steps = _request.Steps,
        LearningRate = _request.LearningRate ?? (_request.IsResNet ? 1e-3 : 1e-2),
        Schedule = LearningRateSchedule.Cosine,
        WeightDecay = 1e-3,
        Loss = LossOf(round),
        GradientNorm = 1,
        ReportEvery = 10,
        Device = _request.Device,
    };

    /// <summary>Small networks are the demo's with fewer layers, and with rectifiers that cannot die (docs/adr/0010).</summary>
    private TrainableNetwork Network(TrainingGrid grid, int round) => _request.IsResNet
        ? new TrainableResNet(new ResNetArchitecture(18), _request.Seed + round)
        : new SmallCnn(
            new SmallCnnArchitecture
            {
                Layers = _request.Layers,
                Pooling = PixelPooling.Sum,
                // Ten times the mean over a slice to learn from; of areas, which are in hundredths of it, the hundredth.
                AreaUnitMm2 = Math.Round(grid.Size * grid.Size * grid.PixelMm * grid.PixelMm / (round == 0 ? 10 : 100), 3),
            },
            _request.Seed + round);

    private ModelMetadata Metadata(ISliceArchitecture architecture, TrainingGrid grid, IntensityMap intensity, JsonObject provenance) => new()
    {
        Version = "1.0.0",
        Task = $"Says how much a slice looks like those of volumes that hold: {_request.ClassName}",
        Description = "Trained by tonno train from a yes or no of each volume; no mask was read.",
        Classes = [_request.ClassName],
        Architecture = architecture,
        SliceSize = _request.IsResNet ? grid.Size : null,
        PixelMm = grid.PixelMm,
        Intensities = [intensity],
        Alpha = 0.5,
        Window = "hann",
        Threshold = _rule,
        Training = provenance,
    };

    /// <summary>All that decides the weights. Patients are hashes of their names: who has the names can tell, and a model that is handed
    /// on does not.</summary>
    private JsonObject Provenance(TrainingVolumes volumes, IntensityMap intensity, SliceTrainingOptions options, StoppingOptions stopping)
    {
        static JsonNode Hashes(IReadOnlyList<LabelledFile> files) => new JsonArray([.. Patients(files).Select(patient => (JsonNode)Sha256(patient)[..16])]);
        var data = string.Concat(_files.Select((file, index) => string.Create(
            CultureInfo.InvariantCulture, $"{volumes.Sha256(index)} {(file.IsPositive ? 1 : 0)} {(index < _cohort.Training.Count ? "train" : "validation")} {Sha256(file.Patient)}\n")));
        return new JsonObject
        {
            ["program"] = Version,
            ["data_sha256"] = Sha256(data),
            ["labels"] = "yes or no per volume; masks were not read",
            ["volumes"] = new JsonObject { ["train"] = _cohort.Training.Count, ["validation"] = _cohort.Validation.Count },
            ["patients"] = new JsonObject { ["train"] = Hashes(_cohort.Training), ["validation"] = Hashes(_cohort.Validation) },
            ["options"] = new JsonObject
            {
                ["architecture"] = _request.IsResNet ? "resnet18" : SmallCnnArchitecture.MetadataName,
                ["layers"] = _request.IsResNet ? null : new JsonArray([.. _request.Layers.Select(layer => (JsonNode)$"{layer.Channels}:{layer.MaxPool}")]),
                ["rounds"] = _request.Rounds,
                ["seed"] = _request.Seed,
                ["slice_size"] = options.SliceSize,
                ["pixel_mm"] = options.PixelMm,
                ["window"] = new JsonArray(intensity.Low, intensity.High),
                ["window_unit"] = intensity.Rule is null ? "intensity" : "percentile of each volume",
                ["fill"] = intensity.Fill,
                ["batch_size"] = options.BatchSize,
                ["most_steps"] = options.Steps,
                ["learning_rate"] = options.LearningRate,
                ["weight_decay"] = options.WeightDecay,
                ["gradient_norm"] = options.GradientNorm,
                ["evaluate_every"] = stopping.EvaluateEvery,
                ["patience"] = stopping.Patience,
                ["validation_slices"] = _request.ValidationSlices,
                ["device"] = TorchDevice.IsCuda(options.Device) ? "cuda" : "cpu",
            },
        };
    }
}
