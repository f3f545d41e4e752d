using System.ComponentModel;
using System.Diagnostics;

namespace ToNNO.Deploy.Tests.Monitoring;

/// <summary>Debian's Prometheus; tests without it say that they are skipped.</summary>
internal static class PrometheusTool
{
    /// <summary>Checks and tests rules.</summary>
    /// <returns>What it says, where it finds a fault; else nothing.</returns>
    public static async Task<string> CheckAsync(string folder, params string[] arguments)
    {
        using var process = Start("promtool", folder, arguments);
        var (output, errors) = (process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken), process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken));
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return process.ExitCode == 0 ? "" : await output + await errors;
    }

    public static Process Start(string program, string folder, params string[] arguments)
    {
        try
        {
            return Process.Start(new ProcessStartInfo(program, arguments) { WorkingDirectory = folder, RedirectStandardOutput = true, RedirectStandardError = true })!;
        }
        catch (Win32Exception)
        {
            Assert.Skip($"{program} is not installed: what it says of the rules and the dashboards cannot be looked at.");
            throw;
        }
    }
}
