using System.Diagnostics;
using ToNNO.Tests.Support;

namespace ToNNO.Tonno.Tests.Exporting;

/// <summary>What a process of <c>tonno</c> said.</summary>
internal sealed record TonnoRun(int ExitCode, string Out, string Errors)
{
    public static Task<TonnoRun> OfAsync(params string[] arguments) => OfAsync(new Dictionary<string, string>(), arguments);

    /// <param name="environment">Variables besides this process's own.</param>
    public static Task<TonnoRun> OfAsync(IReadOnlyDictionary<string, string> environment, params string[] arguments) => OfAsync(TonnoStart.Of(environment, arguments));

    public static async Task<TonnoRun> OfAsync(ProcessStartInfo start)
    {
        using var process = Process.Start(start)!;
        try
        {
            var (output, errors) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
            await process.WaitForExitAsync(TestContext.Current.CancellationToken);
            return new(process.ExitCode, await output, await errors);
        }
        finally
        {
            if (!process.HasExited)
            {
                process.Kill();
            }
        }
    }

    public override string ToString() => $"exit {ExitCode}\n{Out}\n--\n{Errors}";
}
