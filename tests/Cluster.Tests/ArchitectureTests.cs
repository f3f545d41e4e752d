using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;
using System.Xml.Linq;

namespace ToNNO.Cluster.Tests;

/// <summary>Arrows between projects point one way; packages stay where they belong.</summary>
public class ArchitectureTests
{
    private static readonly string[] _base = ["Contracts", "Storage", "Imaging", "Encoders", "Tomography"];

    /// <summary>What each project may refer to.</summary>
    private static readonly Dictionary<string, string[]> _allowed = new()
    {
        ["Tomography"] = [],
        ["Storage"] = ["Tomography"],
        ["Imaging"] = ["Tomography"],
        ["Encoders"] = ["Tomography"],
        ["Contracts"] = ["Tomography"],
        ["Coordinator"] = _base,
        ["SliceActors"] = _base,
        ["ReconActors"] = _base,
        ["Tonno"] = ["Coordinator", "SliceActors", "ReconActors", .. _base],
    };

    /// <summary>Beginnings of package and assembly names, and the only projects that may bear them.</summary>
    private static readonly (string Package, string[] Projects)[] _kept =
    [
        ("Akka", ["Contracts", "Coordinator", "SliceActors", "ReconActors", "Tonno"]),
        ("Akka.Cluster", ["Coordinator", "SliceActors", "ReconActors", "Tonno"]),
        ("Google.Protobuf", ["Contracts"]),
        ("TorchSharp", ["Encoders", "Tonno"]),
        ("Azure", ["Storage"]),
        ("SkiaSharp", ["Imaging", "Tonno"]), // Tonno for the lettering of plots
        ("ScottPlot", ["Tonno"]),
        ("OpenTelemetry", ["Tonno"]),
        ("Spectre", ["Tonno"]),
        ("System.CommandLine", ["Tonno"]),
        ("YamlDotNet", ["Tonno"]),
    ];

    public static TheoryData<string> Projects => [.. Directory.EnumerateDirectories(Path.Combine(Root(), "src")).Select(folder => Path.GetFileName(folder)!).Order()];

    [Theory]
    [MemberData(nameof(Projects))]
    public void Project_ItsReferences_AreThoseOfTheHouse(string project)
    {
        Assert.True(_allowed.TryGetValue(project, out var allowed), $"src/{project} is not on the list of the house");
        var references = Items(project, "ProjectReference").Select(path => Path.GetFileNameWithoutExtension(path)).ToList();
        Assert.Empty(references.Except(allowed!));
        Assert.Empty(CompiledReferences(project).Where(name => name.StartsWith("ToNNO.", StringComparison.Ordinal)).Select(name => name[6..]).Except(allowed!));
    }

    [Theory]
    [MemberData(nameof(Projects))]
    public void Project_ItsPackages_BelongThere(string project)
    {
        var used = Items(project, "PackageReference").Concat(CompiledReferences(project)).ToList();
        foreach (var (package, projects) in _kept)
        {
            Assert.True(
                projects.Contains(project) || !used.Any(name => name == package || name.StartsWith(package + ".", StringComparison.Ordinal)),
                $"{project} must not refer to {package}");
        }

        if (project == "Tomography")
        {
            Assert.Empty(Items(project, "PackageReference"));
            Assert.All(CompiledReferences(project), name => Assert.StartsWith("System.", name, StringComparison.Ordinal));
        }
    }

    private static List<string> Items(string project, string kind) =>
        [.. XDocument.Load(Path.Combine(Root(), "src", project, $"{project}.csproj")).Descendants(kind).Select(item => item.Attribute("Include")!.Value)];

    private static List<string> CompiledReferences(string project)
    {
        using var assembly = new PEReader(File.OpenRead(Path.Combine(AppContext.BaseDirectory, project == "Tonno" ? "tonno.dll" : $"ToNNO.{project}.dll")));
        var metadata = assembly.GetMetadataReader();
        return [.. metadata.AssemblyReferences.Select(reference => metadata.GetString(metadata.GetAssemblyReference(reference).Name))];
    }

    private static string Root()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder!.FullName, "ToNNO.sln")))
        {
            folder = folder.Parent;
        }

        return folder.FullName;
    }
}
