using System.CommandLine;
using System.Globalization;
using ToNNO.Encoders.Networks;
using ToNNO.Tonno.Runs;
using ToNNO.Tonno.Training;

namespace ToNNO.Tonno.Commands;

/// <summary><c>tonno train</c>: labels of volumes in, a model folder out.</summary>
internal static class TrainCommand
{
    private const string ByColumn = "column";

    public static Command Create()
    {
        var standard = new TrainingRequest { Labels = "", Model = "" };
        var labels = new Option<string>("--labels") { Description = "A CSV file with the columns file, label (yes or no, 1 or 0) and patient, and at will split (train or validation)", Required = true, HelpName = "CSV" };
        var model = new Option<string>("--model", "-m") { Description = "The model folder to write; it must not exist, or be empty", Required = true, HelpName = "DIR" };
        var root = new Option<string?>("--root") { Description = "The folder that the file names start from [the CSV file's]", HelpName = "FOLDER" };
        var validation = Arguments.ParsedReference("--validation", "SHARE|column", "Share of the patients to validate on, or: as the column split says [column where there is one, else 0.2]", ParseValidation);
        var architecture = Arguments.Choice("--architecture", "The network to train", "small-cnn", "resnet18");
        var layers = Arguments.ParsedReference("--layers", "N[:P],...", "Channels of the small network's layers, each with the edge of max pooling after it: pooling sees wider and maps coarser [8,8]", ParseLayers);
        var rounds = Arguments.Number<int>("--rounds", "N", "Train so many times more, each time from what the heatmaps of the time before take for lesions", 0, 10, standard.Rounds);
        var className = new Option<string>("--class-name") { Description = "What a yes means", DefaultValueFactory = _ => standard.ClassName, HelpName = "NAME" };
        var window = Arguments.Parsed("--window", "LOW,HIGH", "Intensities that become the darkest and the brightest pixel [percentiles 0.5 and 99.5 of all volumes to learn from]", text => ParsePair("--window", text, float.MinValue, float.MaxValue));
        var percentiles = Arguments.Parsed("--percentiles", "LOW,HIGH", "The same by percentiles of each volume's own, as for MR: 0.5,99.5", text => ParsePair("--percentiles", text, 0, 100));
        var fill = Arguments.Number<float?>("--fill", "X", "Intensity outside a volume [the window's lower edge; with --percentiles 0]", float.MinValue, float.MaxValue);
        var pixel = Arguments.Number<double?>("--pixel", "MM", "Pixel size of the slices [the volumes' finest spacing, or coarser, so that a slice covers a volume]", 1e-3, 999);
        var size = Arguments.Number<int?>("--size", "S", "Edge of the slices to learn from in pixels [what covers a volume, at most 96]", 8, 4096);
        var steps = Arguments.Number<int>("--steps", "N", "Most batches to learn from", 1, 10_000_000, standard.Steps);
        var batch = Arguments.Number<int>("--batch", "N", "Slices of a batch", 2, 4096, standard.BatchSize);
        var rate = Arguments.Number<double?>("--learning-rate", "X", "Of AdamW, at the beginning [small-cnn 0.01, resnet18 0.001]", 1e-9, 10);
        var every = Arguments.Number<int>("--evaluate-every", "N", "Batches between two evaluations, each with a checkpoint", 1, 1_000_000, standard.EvaluateEvery);
        var patience = Arguments.Number<int>("--patience", "N", "Stop after so many evaluations without a better one", 1, 1_000_000, standard.Patience);
        var seed = Arguments.Number<int>("--seed", "N", "Decides all that is random", 0, int.MaxValue, standard.Seed);
        var device = new Option<string>("--device") { Description = "auto, cpu or cuda:N", DefaultValueFactory = _ => standard.Device };
        var command = new Command("train", "Train an encoder from a yes or no of each volume; interrupted and run again, it goes on.")
        {
            labels.NotEmpty(), model.NotEmpty(), root.NotEmpty(), validation, architecture, layers, rounds, className.NotEmpty(), window, percentiles, fill, pixel, size, steps, batch, rate, every, patience, seed, device,
        };
        command.Validators.Add(parsed =>
        {
            if (parsed.GetResult(window) is not null && parsed.GetResult(percentiles) is not null)
            {
                parsed.AddError("Give --window or --percentiles, not both.");
            }
        });
        command.Validators.Add(parsed =>
        {
            if (parsed.GetResult(layers) is not null && parsed.GetValue(architecture) is not (null or "small-cnn"))
            {
                parsed.AddError("--layers goes with --architecture small-cnn: leave it out.");
            }
        });
        command.SetAction((parsed, cancel) => ExecuteAsync(
            new TrainingRequest
            {
                Labels = parsed.GetValue(labels)!,
                Model = parsed.GetValue(model)!,
                Root = parsed.GetValue(root),
                ValidationShare = ShareOf(parsed.GetValue(validation), parsed.GetValue(labels)!),
                IsResNet = parsed.GetValue(architecture) != "small-cnn",
                Layers = parsed.GetValue(layers) ?? standard.Layers,
                Rounds = parsed.GetValue(rounds),
                ClassName = parsed.GetValue(className)!,
                Window = parsed.GetValue(window),
                Percentiles = parsed.GetValue(percentiles),
                Fill = parsed.GetValue(fill),
                PixelMm = parsed.GetValue(pixel),
                Size = parsed.GetValue(size),
                Steps = parsed.GetValue(steps),
                BatchSize = parsed.GetValue(batch),
                LearningRate = parsed.GetValue(rate),
                EvaluateEvery = parsed.GetValue(every),
                Patience = parsed.GetValue(patience),
                Seed = parsed.GetValue(seed),
                Device = parsed.GetValue(device)!,
            },
            cancel));
        return command;
    }

    private static async Task<int> ExecuteAsync(TrainingRequest request, CancellationToken cancel)
    {
        var job = TrainingJob.Prepare(request);
        Console.Out.WriteLine(job.Describe());
        var trained = await StepDisplays.ShowAsync("training", show => job.Run(show, cancel), cancel).ConfigureAwait(false);
        Console.Out.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{request.Model}: validation AUC {trained.Auc:F3}, loss {trained.Loss:F3}, the weights of step {trained.Step} of {trained.Steps}; SHA-256 {trained.Sha256}"));
        return ExitCodes.Completed;
    }

    private static double? ShareOf(string? validation, string labels) => validation switch
    {
        null => LabelSheet.HasSplit(labels) ? null : new TrainingRequest { Labels = "", Model = "" }.ValidationShare,
        ByColumn => null,
        _ => double.Parse(validation, CultureInfo.InvariantCulture),
    };

    private static IReadOnlyList<ConvLayer> ParseLayers(string text)
    {
        static int Number(string part, int most) => int.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= 1 && number <= most
            ? number
            : throw new FormatException($"--layers must be channels of layers with commas between them, each with :N where pooling by N is to follow, as in 16,16:2,32:2; '{part}' is no such number.");
        return [.. text.Split(',').Select(layer => layer.Split(':', 2) is [var channels, var pool]
            ? TrainingRequest.Layer(Number(channels, 4096), Number(pool, 16))
            : TrainingRequest.Layer(Number(layer, 4096)))];
    }

    private static string ParseValidation(string text) =>
        text == ByColumn || (double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var share) && share is > 0 and < 1)
            ? text
            : throw new FormatException($"--validation must be a share between 0 and 1, or {ByColumn}, not {text}.");

    private static (float Low, float High) ParsePair(string name, string text, float least, float most)
    {
        float Number(string part) => float.TryParse(part, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) ? value : float.NaN;
        return text.Split(',') is [var first, var second] && (Number(first), Number(second)) is var (low, high) && low >= least && high <= most && low < high
            ? (low, high)
            : throw new FormatException($"{name} must be two numbers, the lower first, as in {(most == 100 ? "0.5,99.5" : "-100,300")}, not {text}.");
    }
}
