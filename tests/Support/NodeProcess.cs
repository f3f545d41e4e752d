using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;

namespace ToNNO.Tests.Support;

/// <summary>One <c>tonno node</c>, kept up as a cluster's manager would: started again when it ends, unless it is being drained.</summary>
internal sealed class NodeProcess : IAsyncDisposable
{
    private const int Kill9 = 9;
    private const int Terminate = 15;
    private const int Go = 18;
    private const int Freeze = 19;

    /// <summary>Before it is started again, as a cluster's manager would.</summary>
    private static readonly TimeSpan _backOff = TimeSpan.FromMilliseconds(500);

    private static readonly HttpClient _http = new() { Timeout = TimeSpan.FromSeconds(5) };
    private readonly string[] _launcher;
    private readonly string[] _arguments;
    private readonly IReadOnlyDictionary<string, string> _environment;
    private readonly string _log;
    private readonly Lock _writing = new();
    private readonly CancellationTokenSource _stopping = new();
    private readonly Task _keeping;
    private Process? _process;
    private bool _wanted = true;

    /// <param name="log">File that all its lives write to.</param>
    /// <param name="launcher">A command that starts it, as in another network.</param>
    public NodeProcess(string name, int httpPort, string[] arguments, IReadOnlyDictionary<string, string> environment, string log, params string[] launcher)
    {
        (Name, HttpPort, _arguments, _environment, _log, _launcher) = (name, httpPort, arguments, environment, log, launcher);
        _keeping = KeepAsync();
    }

    public string Name { get; }

    public int HttpPort { get; }

    /// <summary>The value of one of its metrics, all labels together; 0 where it does not answer.</summary>
    public async Task<double> MetricAsync(string name, string label = "")
    {
        try
        {
            var text = await _http.GetStringAsync(new Uri($"http://127.0.0.1:{HttpPort}/metrics"), _stopping.Token);
            return text.Split('\n').Where(line => line.StartsWith(name + "{", StringComparison.Ordinal) || line.StartsWith(name + " ", StringComparison.Ordinal))
                .Where(line => line.Contains(label, StringComparison.Ordinal))
                .Sum(line => double.Parse(line[(line.LastIndexOf('}') + 1)..].Split(' ', StringSplitOptions.RemoveEmptyEntries)[line.Contains('}', StringComparison.Ordinal) ? 0 : 1], CultureInfo.InvariantCulture));
        }
        catch (Exception none) when (none is HttpRequestException or TaskCanceledException)
        {
            return 0;
        }
    }

    /// <summary>How often it has been started.</summary>
    public int Lives { get; private set; }

    /// <summary>Exit code of its last life that ended.</summary>
    public int? ExitCode { get; private set; }

    /// <summary>False between two lives.</summary>
    public bool IsRunning => _process is { HasExited: false };

    public int Id => _process?.Id ?? throw new InvalidOperationException($"{Name} has not been started.");

    public async Task<bool> IsReadyAsync()
    {
        try
        {
            using var answer = await _http.GetAsync(new Uri($"http://127.0.0.1:{HttpPort}/health/ready"), _stopping.Token);
            return answer.IsSuccessStatusCode;
        }
        catch (Exception none) when (none is HttpRequestException or TaskCanceledException)
        {
            return false;
        }
    }

    public void Kill() => Signal(Kill9);

    public void Stop() => Signal(Freeze);

    public void Continue() => Signal(Go);

    /// <summary>Sends SIGTERM, and returns its exit code and how long it took; it is not started again.</summary>
    public async Task<(int ExitCode, TimeSpan Took)> DrainAsync(CancellationToken cancel)
    {
        _wanted = false;
        var begun = Stopwatch.GetTimestamp();
        Signal(Terminate);
        await _keeping.WaitAsync(cancel);
        return (ExitCode!.Value, Stopwatch.GetElapsedTime(begun));
    }

    public async ValueTask DisposeAsync()
    {
        _wanted = false;
        await _stopping.CancelAsync();
        do
        {
            // More than once: it may have been about to start again.
            if (_process is { HasExited: false } running)
            {
                running.Kill();
            }
        }
        while (await Task.WhenAny(_keeping, Task.Delay(100)) != _keeping);

        await _keeping;
        _stopping.Dispose();
        _process?.Dispose();
    }

    /// <summary>The last lines of its log that tell of more than its ordinary course.</summary>
    public IEnumerable<string> LastLines(int count) => File.Exists(_log)
        ? [$"== {Name}, life {Lives}", .. File.ReadLines(_log).Where(line => !line.Contains(" info: ", StringComparison.Ordinal)).TakeLast(count)]
        : [$"== {Name} said nothing"];

    private async Task KeepAsync()
    {
        while (_wanted)
        {
            _process = Process.Start(TonnoStart.Of(_environment, ["node", .. _arguments], _launcher))!;
            Lives++;
            await Task.WhenAll(CopyAsync(_process.StandardOutput), CopyAsync(_process.StandardError), _process.WaitForExitAsync());
            ExitCode = _process.ExitCode;
            Note($"-- {Name} ended with {ExitCode}");
            if (_wanted)
            {
                await Task.Delay(_backOff, CancellationToken.None);
            }
        }
    }

    private async Task CopyAsync(StreamReader reader)
    {
        while (await reader.ReadLineAsync() is { } line)
        {
            Note(line);
        }
    }

    private void Note(string line)
    {
        lock (_writing)
        {
            File.AppendAllText(_log, line + "\n");
        }
    }

    private void Signal(int signal)
    {
        if (Send(Id, signal) != 0)
        {
            throw new InvalidOperationException($"{Name} took no signal {signal}: error {Marshal.GetLastPInvokeError()}.");
        }
    }

    [DllImport("libc", EntryPoint = "kill", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Send(int process, int signal);
}
