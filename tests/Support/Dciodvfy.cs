using System.ComponentModel;
using System.Diagnostics;

namespace ToNNO.Tests.Support;

/// <summary>The validator of Debian's dicom3tools; tests without it say that they are skipped.</summary>
internal static class Dciodvfy
{
    /// <summary>What it calls an object, and the errors that it finds in it.</summary>
    public static async Task<(string Kind, IReadOnlyList<string> Errors)> CheckAsync(string file)
    {
        using var process = Start(file);
        var (output, errors) = (process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken), process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken));
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        var lines = (await output + await errors).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        return (
            lines.FirstOrDefault(line => !line.Contains(" - ", StringComparison.Ordinal)) ?? "",
            [.. lines.Where(line => line.StartsWith("Error", StringComparison.Ordinal))]);
    }

    private static Process Start(string file)
    {
        try
        {
            return Process.Start(new ProcessStartInfo("dciodvfy", ["-new", file]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        }
        catch (Win32Exception)
        {
            Assert.Skip("dciodvfy is not installed (Debian: dicom3tools): whether DICOM results are valid cannot be looked at.");
            throw;
        }
    }
}
