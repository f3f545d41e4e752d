using System.CommandLine;
using ToNNO.Tonno.Commands;

var interruption = Interruption.Listen();
var root = new RootCommand("ToNNO turns any 2D image encoder into a 3D detector.")
{
    RunCommand.Create(), PlanCommand.Create(), ReconCommand.Create(), ModelCommand.Create(), TrainCommand.Create(), EvaluateCommand.Create(), DemoCommand.Create(), NodeCommand.Create(), NodeCommand.CreateConfig(), SubmitCommand.Create(), VerifyCommand.Create(), RequeueCommand.Create(), LedgerCommand.Create(), ExportCommand.Create(), SelfTestCommand.Create(),
};
foreach (var command in RunsCommands.Create())
{
    root.Add(command);
}

if (args.Length == 0)
{
    root.Parse("--help").Invoke();
    return ExitCodes.Usage;
}

var parsed = root.Parse(args);
if (parsed.Errors.Count > 0)
{
    foreach (var error in parsed.Errors)
    {
        Console.Error.WriteLine($"usage: {error.Message}");
    }

    return ExitCodes.Usage;
}

try
{
    return await parsed.InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null }, interruption);
}
catch (OperationCanceledException) when (interruption.IsCancellationRequested)
{
    Interruption.Tell();
    return ExitCodes.Interrupted;
}
catch (Exception error) when (Refusal.Of(error) is not null)
{
    var refusal = Refusal.Of(error)!;
    Console.Error.WriteLine($"{refusal.Code}: {refusal.Message}");
    return refusal.ExitCode;
}
