using System.Text.RegularExpressions;

namespace ToNNO.Deploy.Tests;

/// <summary>From each line of the log that names a run or a volume a trace can be reached.</summary>
public sealed partial class LogLinesTests
{
    [Fact]
    public void Lines_ThatNameARunOrAVolume_BearTheTrace()
    {
        var lines = new[] { "Coordinator", "SliceActors", "ReconActors", "Tonno/Nodes" }
            .SelectMany(folder => Directory.EnumerateFiles(Repository.At($"src/{folder}"), "*.cs", SearchOption.AllDirectories))
            .Where(file => !file.Contains("/obj/", StringComparison.Ordinal))
            .SelectMany(file => Line().Matches(File.ReadAllText(file)).Select(match => match.Value))
            .Where(line => Subject().IsMatch(line))
            .ToList();
        Assert.True(lines.Count > 8, string.Join('\n', lines));
        Assert.All(lines, line => Assert.Matches(@"; trace \{", line));
    }

    /// <summary>What is logged, and what is thrown for a supervisor to log.</summary>
    [GeneratedRegex("""(_log|GetLogger\(\))\.(Error|Warning|Info)\([^;]*?"[^"]*"|new InvalidOperationException\(\s*\$"[^"]*"(?=, (failed|unreadable|broken|error))""")]
    private static partial Regex Line();

    [GeneratedRegex("(?i)(volume|slab|run) \\{")]
    private static partial Regex Subject();
}
