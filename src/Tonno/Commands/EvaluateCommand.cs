using System.CommandLine;
using ToNNO.Tonno.Evaluation;
using ToNNO.Tonno.Runs;

namespace ToNNO.Tonno.Commands;

/// <summary><c>tonno evaluate</c>: heatmaps against masks.</summary>
internal static class EvaluateCommand
{
    public static Command Create()
    {
        var standard = new EvaluationRequest { Stores = [], References = "" };
        var input = new Option<string[]>("--input", "-i") { Description = "Folders that tonno run wrote into, one for each method; NAME=FOLDER names it", Required = true, AllowMultipleArgumentsPerToken = true, HelpName = "STORE" };
        var references = new Option<string>("--references") { Description = "A CSV file with the columns file, mask and patient, and at will split (validation or test)", Required = true, HelpName = "CSV" };
        var output = new Option<string>("--output", "-o") { Description = "The folder to write evaluation.json, cases.csv and index.html into", Required = true, HelpName = "DIR" };
        var root = new Option<string?>("--root") { Description = "The folder that the file names start from [the CSV file's]", HelpName = "FOLDER" };
        var className = new Option<string?>("--class") { Description = "The class, by its name [the only one]", HelpName = "NAME" };
        var threshold = Arguments.ParsedReference("--threshold", "T|T%", "Cut all masks at T, or at T % of the peak [chosen: on the validation patients, or for each patient on all others]", SettingsResolution.ParseThreshold);
        var sweep = new Option<bool>("--sweep") { Description = "Also try filters and numbers of directions on the kept sinograms, without an encoder" };
        var listedOnly = new Option<bool>("--listed-only") { Description = "Leave results aside that the references do not name" };
        var draws = Arguments.Number<int>("--draws", "N", "Bootstrap samples of the intervals", 100, 1_000_000, standard.Draws);
        var seed = Arguments.Number<int>("--seed", "N", "Decides them", 0, int.MaxValue, standard.Seed);
        var command = new Command("evaluate", "Score heatmaps against masks, and methods against each other.")
        {
            input.NotEmpty(), references.NotEmpty(), output.NotEmpty(), root.NotEmpty(), className.NotEmpty(), threshold, sweep, listedOnly, draws, seed,
        };
        command.Validators.Add(parsed =>
        {
            if (parsed.GetResult(threshold) is not null && parsed.GetValue(sweep))
            {
                parsed.AddError("--sweep chooses a threshold with each filter: leave --threshold out.");
            }
        });
        command.SetAction((parsed, cancel) => ExecuteAsync(
            new EvaluationRequest
            {
                Stores = parsed.GetValue(input)!,
                References = parsed.GetValue(references)!,
                Root = parsed.GetValue(root),
                ClassName = parsed.GetValue(className),
                Threshold = parsed.GetValue(threshold),
                Sweep = parsed.GetValue(sweep),
                ListedOnly = parsed.GetValue(listedOnly),
                Draws = parsed.GetValue(draws),
                Seed = parsed.GetValue(seed),
            },
            parsed.GetValue(output)!,
            cancel));
        return command;
    }

    private static async Task<int> ExecuteAsync(EvaluationRequest request, string output, CancellationToken cancel)
    {
        EvaluationFiles.RequireFolder(output);
        var job = EvaluationJob.Prepare(request);
        var (report, page) = await StepDisplays.ShowAsync(
            "evaluating",
            (show) =>
            {
                var found = job.Run(show, cancel);
                return (found, EvaluationPage.Build(found, job, cancel));
            },
            cancel).ConfigureAwait(false);
        EvaluationFiles.Write(output, report, page);
        Console.Out.WriteLine(EvaluationText.Choosing(report));
        Console.Out.Write(EvaluationText.Table(report));
        Console.Out.WriteLine($"Open {Path.Combine(output, "index.html")} for plots and pictures.");
        return ExitCodes.Completed;
    }
}
