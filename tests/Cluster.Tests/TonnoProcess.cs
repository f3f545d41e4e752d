using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using ToNNO.Tests.Support;

namespace ToNNO.Cluster.Tests;

/// <summary>What a process of <c>tonno</c> left behind.</summary>
internal sealed record Outcome(int ExitCode, IReadOnlyList<string> Out, IReadOnlyList<string> Errors, long PeakMb)
{
    public string Summary => Out[^1];

    public override string ToString() => $"exit {ExitCode}, peak {PeakMb} MB\n{string.Join('\n', Out)}\n--\n{string.Join('\n', Errors)}";
}

/// <summary>The built executable, as a process of its own.</summary>
internal sealed class TonnoProcess : IDisposable
{
    private const int Interrupt = 2;
    private const int Continue = 18;

    /// <summary>For the longest of all runs, on a slow machine.</summary>
    private static readonly TimeSpan _patience = TimeSpan.FromMinutes(10);

    private readonly Process _process;
    private readonly Task<List<string>> _out;
    private readonly Task<List<string>> _errors;
    private readonly Task<long> _peakMb;

    private TonnoProcess(string[] arguments, Action<int, string>? onLine, IReadOnlyDictionary<string, string>? environment = null)
    {
        _process = Process.Start(TonnoStart.Of(environment ?? new Dictionary<string, string>(), arguments))!;
        _out = ReadAsync(_process.StandardOutput, onLine);
        _errors = ReadAsync(_process.StandardError, null);
        _peakMb = PeakAsync();
    }

    public bool HasExited => _process.HasExited;

    public static TonnoProcess Start(params string[] arguments) => new(arguments, null);

    /// <summary>Runs to the end.</summary>
    /// <param name="onLine">Hears each line of stdout, and the process's id, when it comes.</param>
    public static async Task<Outcome> RunAsync(string[] arguments, Action<int, string>? onLine = null)
    {
        using var process = new TonnoProcess(arguments, onLine);
        return await process.ExitAsync();
    }

    public static Task<Outcome> RunAsync(params string[] arguments) => RunAsync(arguments, null);

    /// <param name="environment">Variables besides this process's own.</param>
    public static async Task<Outcome> RunAsync(IReadOnlyDictionary<string, string> environment, params string[] arguments)
    {
        using var process = new TonnoProcess(arguments, null, environment);
        return await process.ExitAsync();
    }

    /// <summary>Runs to the end where blob stores are Azurite's.</summary>
    public static async Task<Outcome> RunAsync(Azurite azurite, params string[] arguments)
    {
        using var process = new TonnoProcess(arguments, null, new Dictionary<string, string> { ["AZURE_STORAGE_CONNECTION_STRING"] = azurite.ConnectionString });
        return await process.ExitAsync();
    }

    /// <summary>Memory of a process in kB, by its name in /proc: VmRSS now, VmHWM at most.</summary>
    public static long MemoryKb(int process, string name)
    {
        try
        {
            var line = File.ReadLines($"/proc/{process}/status").FirstOrDefault(line => line.StartsWith(name, StringComparison.Ordinal));
            return line is null ? 0 : long.Parse(line.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture);
        }
        catch (IOException)
        {
            return 0; // it ended
        }
    }

    public async Task<Outcome> ExitAsync()
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        deadline.CancelAfter(_patience);
        try
        {
            await _process.WaitForExitAsync(deadline.Token);
        }
        catch (OperationCanceledException) when (!TestContext.Current.CancellationToken.IsCancellationRequested)
        {
            _process.Kill();
            Assert.Fail($"tonno did not end within {_patience}; it said:\n{string.Join('\n', [.. await _out, .. await _errors])}");
        }

        return new Outcome(_process.ExitCode, await _out, await _errors, await _peakMb);
    }

    /// <summary>True once the program's own handler for Ctrl-C is there. The runtime catches that signal from its start and dies of it;
    /// what it catches from the program's first handler on, and not before, is SIGCONT.</summary>
    public bool HearsCtrlC()
    {
        try
        {
            var line = File.ReadLines($"/proc/{_process.Id}/status").FirstOrDefault(line => line.StartsWith("SigCgt:", StringComparison.Ordinal));
            return line is not null && (Convert.ToUInt64(line[7..].Trim(), 16) & (1UL << (Continue - 1))) != 0;
        }
        catch (IOException)
        {
            return false; // it ended
        }
    }

    public void PressCtrlC() => Assert.Equal(0, Kill(_process.Id, Interrupt));

    public void Kill() => _process.Kill();

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
        }

        _process.Dispose();
    }

    private async Task<List<string>> ReadAsync(StreamReader reader, Action<int, string>? onLine)
    {
        var lines = new List<string>();
        while (await reader.ReadLineAsync() is { } line)
        {
            lines.Add(line);
            onLine?.Invoke(_process.Id, line);
        }

        return lines;
    }

    private async Task<long> PeakAsync()
    {
        var peak = 0L;
        while (!_process.HasExited)
        {
            peak = Math.Max(peak, MemoryKb(_process.Id, "VmHWM"));
            await Task.Delay(20);
        }

        return peak >> 10;
    }

    [DllImport("libc", EntryPoint = "kill", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Kill(int process, int signal);
}
