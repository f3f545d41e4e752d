using System.Diagnostics;
using System.Security.Cryptography;
using System.Text.RegularExpressions;

namespace ToNNO.Tests.Support;

/// <summary>Azurite, the emulator of Azure Blob Storage, on a free port of this machine, in memory.</summary>
/// <remarks>It comes from npm: <c>./test</c> installs it into tests/azurite. It ends with the process that started it, however that ends.</remarks>
public partial class AzuriteServer : IAsyncDisposable
{
    private const string Account = "tonno";
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);
    private readonly string _key = Convert.ToBase64String(RandomNumberGenerator.GetBytes(32));
    private Process? _process;

    public int Port { get; private set; }

    /// <summary>Of its process.</summary>
    public int Id => _process!.Id;

    /// <summary>How its clients find it.</summary>
    public string ConnectionString => ConnectionStringAt(Port);

    /// <summary>How its clients find it behind a proxy.</summary>
    /// <param name="port">The proxy's, on this machine.</param>
    public string ConnectionStringAt(int port) =>
        $"DefaultEndpointsProtocol=http;AccountName={Account};AccountKey={_key};BlobEndpoint=http://127.0.0.1:{port}/{Account}";

    /// <summary>A name that no container has yet.</summary>
    public static string NewContainer() => $"c-{Guid.NewGuid():N}";

    public async ValueTask InitializeAsync()
    {
        var home = Home();
        if (!Directory.Exists(Path.Combine(home, "node_modules", "azurite")))
        {
            throw new InvalidOperationException("Azurite is not installed: run ./test, or npm ci --ignore-scripts in tests/azurite.");
        }

        var start = new ProcessStartInfo("node", [Path.Combine(home, "serve.js"), "--blobPort", "0", "--inMemoryPersistence", "--disableTelemetry", "--silent"])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["AZURITE_ACCOUNTS"] = $"{Account}:{_key}";
        _process = Process.Start(start)!;
        var lines = new List<string>();
        var errors = DrainAsync(_process.StandardError, lines);
        using var deadline = new CancellationTokenSource(Patience);
        while (await _process.StandardOutput.ReadLineAsync(deadline.Token) is { } line)
        {
            if (Listening().Match(line) is { Success: true } found)
            {
                Port = int.Parse(found.Groups[1].Value, System.Globalization.CultureInfo.InvariantCulture);
                _ = DrainAsync(_process.StandardOutput, []);
                return;
            }
        }

        await errors;
        throw new InvalidOperationException($"Azurite did not start:\n{string.Join('\n', lines)}");
    }

    public async ValueTask DisposeAsync()
    {
        if (_process is null)
        {
            return; // it was not to be started, which is told already
        }

        _process.StandardInput.Close(); // which ends it
        await _process.WaitForExitAsync();
        _process.Dispose();
        GC.SuppressFinalize(this);
    }

    private static string Home()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder.FullName, "ToNNO.sln")))
        {
            folder = folder.Parent ?? throw new InvalidOperationException($"{AppContext.BaseDirectory} does not lie in the repository.");
        }

        return Path.Combine(folder.FullName, "tests", "azurite");
    }

    private static async Task DrainAsync(StreamReader reader, List<string> lines)
    {
        while (await reader.ReadLineAsync() is { } line)
        {
            lines.Add(line);
        }
    }

    [GeneratedRegex(@"listens on http://127\.0\.0\.1:(\d+)")]
    private static partial Regex Listening();
}
