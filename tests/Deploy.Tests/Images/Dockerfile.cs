using System.Text.RegularExpressions;

namespace ToNNO.Deploy.Tests.Images;

/// <summary>What deploy/Dockerfile says: its stages, each with its instructions.</summary>
internal sealed partial class Dockerfile
{
    private readonly Dictionary<string, Stage> _stages = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _arguments = new(StringComparer.Ordinal);

    private Dockerfile(IEnumerable<string> lines)
    {
        Stage? stage = null;
        foreach (var line in lines.Where(line => line.Length > 0 && !line.StartsWith('#')))
        {
            var (word, rest) = (line[..line.IndexOf(' ', StringComparison.Ordinal)], line[(line.IndexOf(' ', StringComparison.Ordinal) + 1)..]);
            switch (word)
            {
                case "FROM":
                    var parts = rest.Split(' ');
                    stage = _stages[parts[2]] = new Stage(parts[0]);
                    break;
                case "ARG":
                    var equals = rest.IndexOf('=', StringComparison.Ordinal);
                    _arguments[rest[..equals]] = rest[(equals + 1)..];
                    break;
                default:
                    stage!.Instructions.Add((word, rest));
                    break;
            }
        }
    }

    /// <summary>Values that a build may give otherwise, by name.</summary>
    public IReadOnlyDictionary<string, string> Arguments => _arguments;

    public Stage this[string stage] => _stages[stage];

    public static Dockerfile Read() => new(File.ReadAllLines(Repository.At("deploy/Dockerfile")));

    internal sealed partial class Stage(string from)
    {
        /// <summary>An image, an argument that names one, or a stage.</summary>
        public string From { get; } = from;

        public List<(string Word, string Text)> Instructions { get; } = [];

        /// <summary>The one instruction of its kind.</summary>
        public string this[string word] => Instructions.Single(instruction => instruction.Word == word).Text;

        public IReadOnlyDictionary<string, string> Environment => Instructions.Where(instruction => instruction.Word == "ENV")
            .SelectMany(instruction => instruction.Text.Split(' ')).Select(pair => pair.Split('=', 2)).ToDictionary(pair => pair[0], pair => pair[1]);

        /// <summary>The words of a command in JSON's form.</summary>
        public IReadOnlyList<string> EntryPoint => [.. Quoted().Matches(this["ENTRYPOINT"]).Select(word => word.Groups[1].Value)];

        [GeneratedRegex("\"([^\"]*)\"")]
        private static partial Regex Quoted();
    }
}
