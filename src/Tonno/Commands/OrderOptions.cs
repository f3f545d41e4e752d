using System.CommandLine;
using System.Text.RegularExpressions;
using ToNNO.Coordinator.Api;
using ToNNO.Tonno.Selection;

namespace ToNNO.Tonno.Commands;

/// <summary>The options that say what a run is to do, of every command that begins one.</summary>
internal sealed class OrderOptions
{
    /// <summary>What a process was called with, others see.</summary>
    private const string SaltVariable = "TONNO_SALT";

    private readonly Option<string[]> _input = new("--input", "-i")
    {
        Description = "Files, folders, zips, azure://CONTAINER/PREFIX and dicomweb+https://PACS/PATH[/studies/UID[/series/UID]][?FILTER]: NIfTI (.nii, .nii.gz, .hdr) and DICOM series; manifests of such (.csv, .jsonl with id and uri)",
        Required = true,
        AllowMultipleArgumentsPerToken = true,
        HelpName = "SOURCE...",
    };

    private readonly Option<string> _model = new("--model", "-m") { Description = "A model folder, or builtin:sum", Required = true, HelpName = "MODEL" };
    private readonly Option<string?> _channels = new("--channels") { Description = "How the files of a volume's channels end, in the model's order, as in _T1,_FLAIR [_0000,_0001,... for a model of several channels]", HelpName = "END,END..." };
    private readonly Option<int?> _frame = Arguments.Number<int?>("--frame", "N", "Of NIfTI files of several frames (4D) the one to take, counted from 0 [such files are refused]", 0, int.MaxValue);
    private readonly Option<bool> _resampleTilted = new("--resample-tilted") { Description = "Resample DICOM series of a tilted gantry to a straight stack [such series are refused]" };
    private readonly Option<string?> _rules = new("--rules") { Description = "Choose among DICOM series by the rules of this YAML file [take all]", HelpName = "FILE.yaml" };
    private readonly Option<string?> _salt = new("--salt") { Description = $"Hash what names stand for with this text, the same in each run: letters, digits, '-', '_' [{SaltVariable}, else none]", HelpName = "TEXT" };
    private readonly Option<string[]> _classes = new("--class") { Description = "The class to make a heatmap of; may be repeated [all of the model's]", HelpName = "NAME" };
    private readonly Option<string> _method = Arguments.Choice("--method", "How the encoder's answers become a heatmap", CamResolution.MethodNames);
    private readonly Option<string> _cam = Arguments.Choice("--cam", "Which class activation maps the methods with cam are made of", "gradcam", "layercam");
    private readonly Option<string?> _layer = new("--layer") { Description = "The layer that maps are made of [the encoder's last]", HelpName = "NAME" };
    private readonly Option<int?> _directions = Arguments.Number<int?>("--directions", "P", "Directions in which slices are cut", 1, RunOrder.MostDirections, RunOrder.StandardDirections);
    private readonly Option<string> _set = Arguments.Choice("--set", "How directions are spread", "rings", "fibonacci", "grid");
    private readonly Option<double?> _spacing = Arguments.Number<double?>("--spacing", "MM", "Distance between slices [model's, else the finest voxel spacing]", 1e-3, 1e3);
    private readonly Option<double?> _pixel = Arguments.Number<double?>("--pixel", "MM", "Pixel size in a slice [model's, else the slice spacing]", 1e-3, 1e3);
    private readonly Option<int?> _size = Arguments.Number<int?>("--size", "S", "Edge of a slice in pixels [model's, else what covers the volume]", 2, 8192);
    private readonly Option<double?> _alpha = Arguments.Number<double?>("--alpha", "A", "Exponent of the filter |ω|^α, 0 to 2 [model's, else 2]", 0, 2);
    private readonly Option<string?> _window = Arguments.Checked("--window", "none|cosine|hann|3point", "What tames the filter at high frequencies [model's, else none]", SettingsResolution.ParseWindow);
    private readonly Option<string?> _threshold = Arguments.Checked("--threshold", "T|T%", "Also write mask.nii.gz: voxels from T, or from T % of the peak [model's, if any]", SettingsResolution.ParseThreshold);
    private readonly Option<bool> _adaptive = new("--adaptive") { Description = "After a coarse pass encode only planes that meet what may be a lesion, until the heatmap stands" };
    private readonly Option<double?> _until = Arguments.Number<double?>("--until", "X", "Stop after the pass that changes the heatmap by less than X, relative L2 [all directions; with --adaptive 0.05]", 1e-6, 1);

    public OrderOptions(Command command)
    {
        Option[] all =
        [
            _input.NotEmpty(), _model.NotEmpty(), _channels.NotEmpty(), _frame, _resampleTilted, _salt.NotEmpty(), _rules.NotEmpty(), _classes.NotEmpty(), _method, _cam, _layer.NotEmpty(), _directions, _set, _spacing, _pixel, _size,
            _alpha, _window, _threshold, _adaptive, _until,
        ];
        foreach (var option in all)
        {
            command.Add(option);
        }
    }

    /// <exception cref="CommandException">An option says something of other methods alone, or the rules cannot be read.</exception>
    public RunOrder Read(ParseResult parsed)
    {
        var order = Order(parsed);
        var misplaced = order.Misplaced().Select(one => $"{OptionOf(one.Option).Name} goes with --method {string.Join(" or ", one.Methods)}, not with {order.Method}: leave it out.").ToList();
        return misplaced.Count == 0 ? order : throw new CommandException(ExitCodes.Usage, "usage", string.Join(' ', misplaced));
    }

    private Option OptionOf(string property) => property switch
    {
        nameof(RunOrder.Cam) => _cam,
        nameof(RunOrder.Layer) => _layer,
        nameof(RunOrder.Directions) => _directions,
        nameof(RunOrder.Set) => _set,
        nameof(RunOrder.SpacingMm) => _spacing,
        nameof(RunOrder.PixelMm) => _pixel,
        nameof(RunOrder.Size) => _size,
        nameof(RunOrder.Alpha) => _alpha,
        nameof(RunOrder.Window) => _window,
        nameof(RunOrder.Adaptive) => _adaptive,
        _ => _until,
    };

    private string? Salt(ParseResult parsed)
    {
        var salt = parsed.GetValue(_salt) ?? Environment.GetEnvironmentVariable(SaltVariable);
        return string.IsNullOrEmpty(salt) ? null
            : Regex.Match(salt, RunOrder.SaltPattern).Length == salt.Length ? salt
            : throw new CommandException(ExitCodes.Usage, "usage", $"--salt and {SaltVariable} take 1 to 64 letters, digits, '-' and '_'.");
    }

    private RunOrder Order(ParseResult parsed)
    {
        T? Given<T>(Option<T> option) => parsed.GetResult(option) is { Implicit: false } ? parsed.GetValue(option) : default;
        return new()
        {
            Sources = parsed.GetValue(_input)!,
            Model = parsed.GetValue(_model)!,
            Channels = parsed.GetValue(_channels)?.Split(','),
            Frame = parsed.GetValue(_frame),
            ResampleTilted = parsed.GetValue(_resampleTilted),
            Salt = Salt(parsed),
            Rules = parsed.GetValue(_rules) is { } rules ? RulesReader.ReadText(rules) : null,
            Method = parsed.GetValue(_method)!,
            Cam = Given(_cam),
            Layer = parsed.GetValue(_layer),
            Directions = Given(_directions),
            Set = Given(_set),
            SpacingMm = parsed.GetValue(_spacing),
            PixelMm = parsed.GetValue(_pixel),
            Size = parsed.GetValue(_size),
            Alpha = parsed.GetValue(_alpha),
            Window = parsed.GetValue(_window),
            Threshold = parsed.GetValue(_threshold),
            Classes = parsed.GetValue(_classes)!,
            Adaptive = parsed.GetValue(_adaptive),
            Until = parsed.GetValue(_until),
        };
    }
}
