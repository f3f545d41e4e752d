using System.Diagnostics;

namespace ToNNO.Tests.Support;

/// <summary>How the built <c>tonno</c>, which lies beside whoever uses this, is started as a process: what it says is read, each encoder has one thread.</summary>
internal static class TonnoStart
{
    /// <param name="environment">Variables besides this process's own.</param>
    /// <param name="launcher">A command that starts it, as in another network.</param>
    public static ProcessStartInfo Of(IReadOnlyDictionary<string, string> environment, string[] arguments, params string[] launcher)
    {
        string[] command = [.. launcher, "dotnet", Path.Combine(AppContext.BaseDirectory, "tonno.dll"), .. arguments];
        var start = new ProcessStartInfo(command[0], command[1..]) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["OMP_NUM_THREADS"] = "1";
        start.Environment["TERM"] = "dumb";
        foreach (var (name, value) in environment)
        {
            start.Environment[name] = value;
        }

        return start;
    }
}
