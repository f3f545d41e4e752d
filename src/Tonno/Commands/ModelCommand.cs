using System.CommandLine;
using System.Text;
using ToNNO.Contracts;
using ToNNO.Encoders.Checking;
using ToNNO.Encoders.Models;

namespace ToNNO.Tonno.Commands;

/// <summary><c>tonno model</c>: checks models, and begins new ones.</summary>
internal static class ModelCommand
{
    public static Command Create() => new("model", "Check a model, or begin a new one.") { CreateCheck(), CreateNew() };

    private static Command CreateCheck()
    {
        var model = new Argument<string>("MODEL") { Description = "A model folder, or builtin:sum" };
        var device = new Option<string>("--device") { Description = "auto, cpu or cuda:N", DefaultValueFactory = _ => "auto" };
        var size = Arguments.Number<int?>("--size", "S", "Edge of the slices in pixels [the reference's or the model's, else 128]", 1, 8192);
        var tolerance = Arguments.Number<double?>("--tolerance", "X", "The largest difference of logits that is let pass [docs/bring-your-model.md]", 0, 1e9);
        var json = new Option<bool>("--json") { Description = "Print what is found as JSON" };
        var command = new Command("check", "Load a model, hold its logits against PyTorch's, and measure its speed and memory.") { model.NotEmpty(), device, size, tolerance, json };
        command.SetAction(parsed => Check(
            parsed.GetValue(model)!,
            new ModelCheckOptions { Device = parsed.GetValue(device)!, Size = parsed.GetValue(size), Tolerance = parsed.GetValue(tolerance) },
            parsed.GetValue(json)));
        return command;
    }

    private static Command CreateNew()
    {
        var folder = new Argument<string>("DIR") { Description = "The folder to write; it must not exist, or be empty" };
        var channels = Arguments.Number<int>("--channels", "C", "Channels of a slice", 1, 4096, standard: 1);
        var classes = new Option<string>("--classes") { Description = "Names of the classes, a logit each", HelpName = "NAME,NAME...", DefaultValueFactory = _ => "lesion" };
        var size = Arguments.Number<int?>("--size", "S", "Edge of a slice in pixels [any]", 1, 16384);
        var pixel = Arguments.Number<double?>("--pixel", "MM", "Pixel size that the network was trained at [the volume's own]", 1e-3, 999);
        var command = new Command("new", "Write the beginning of a model folder: metadata, and a commented program that exports a PyTorch network.")
        {
            folder.NotEmpty(), channels, classes, size, pixel,
        };
        classes.Validators.Add(result =>
        {
            if (result.Tokens is [var token] && Names(token.Value) is var names && (names.Contains("") || names.Distinct().Count() < names.Length))
            {
                result.AddError($"--classes must be names with commas between them, each once, not {token.Value}.");
            }
        });
        command.SetAction(parsed =>
        {
            var path = parsed.GetValue(folder)!;
            ModelSkeleton.Write(path, parsed.GetValue(channels), Names(parsed.GetValue(classes)!), parsed.GetValue(size), parsed.GetValue(pixel));
            Console.Out.WriteLine($"{path} is begun: correct metadata.json, put your network into export.py and run it, then tonno model check {path}");
            return ExitCodes.Completed;
        });
        return command;
    }

    private static string[] Names(string text) => text.Split(',', StringSplitOptions.TrimEntries);

    private static int Check(string model, ModelCheckOptions options, bool json)
    {
        var report = ModelCheck.Run(model, options);
        Console.Out.WriteLine(json ? Encoding.UTF8.GetString(Documents.ToBytes(report)) : ModelCheckText.Of(report));
        foreach (var problem in report.Problems)
        {
            Console.Error.WriteLine($"{problem.Code}: {problem.Message}");
        }

        return report.Problems.Count == 0 ? ExitCodes.Completed : ExitCodes.Usage;
    }
}
