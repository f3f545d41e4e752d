using System.CommandLine;
using ToNNO.Encoders;
using ToNNO.Storage;
using ToNNO.Tonno.Commands;

var root = new RootCommand("ToNNO turns any 2D image encoder into a 3D detector.") { RunCommand.Create(), DemoCommand.Create() };
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
    return await parsed.InvokeAsync(new InvocationConfiguration
    {
        EnableDefaultExceptionHandler = false,
        ProcessTerminationTimeout = TimeSpan.FromSeconds(30), // the node leaves its cluster and finishes its writes
    });
}
catch (CommandException refused)
{
    Console.Error.WriteLine($"{refused.Code}: {refused.Message}");
    return refused.ExitCode;
}
catch (EncoderException refused)
{
    Console.Error.WriteLine($"{refused.Code}: {refused.Message}");
    return ExitCodes.Usage;
}
catch (BlobStoreException refused)
{
    Console.Error.WriteLine($"{refused.Code}: {refused.Message}");
    return ExitCodes.NothingDone;
}
