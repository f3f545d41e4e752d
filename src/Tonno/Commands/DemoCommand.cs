using System.CommandLine;
using ToNNO.Tonno.Demo;

namespace ToNNO.Tonno.Commands;

/// <summary><c>tonno demo</c>: trains on samples, finds tumours in others, and shows how well.</summary>
internal static class DemoCommand
{
    public static Command Create()
    {
        var output = new Option<string>("--out") { Description = "The folder to write", DefaultValueFactory = _ => "demo", HelpName = "DIR" };
        var command = new Command("demo", "Train on sample volumes from yes and no alone, then show where the tumours are in others. A few minutes; needs no network.")
        {
            output,
        };
        command.SetAction((parsed, cancel) => ExecuteAsync(parsed.GetValue(output)!, cancel));
        return command;
    }

    private static async Task<int> ExecuteAsync(string output, CancellationToken cancel)
    {
        try
        {
            await new DemoJob(SampleCases.Locate(), DemoFolder.Open(output), Console.Out).RunAsync(cancel).ConfigureAwait(false);
            return ExitCodes.Completed;
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            Console.Error.WriteLine("interrupted: run it again, and volumes that are done are kept.");
            return ExitCodes.Interrupted;
        }
    }
}
