using ToNNO.Encoders.Models;
using ToNNO.Encoders.Networks;
using ToNNO.Tonno.Commands;
using ToNNO.Tonno.Demo;

namespace ToNNO.Tonno.Tests.Demo;

public sealed class DemoFolderTests : IDisposable
{
    private readonly DirectoryInfo _parent = Directory.CreateTempSubdirectory("tonno-demo-folder");

    public void Dispose() => _parent.Delete(recursive: true);

    [Fact]
    public void Open_FolderWithForeignFiles_IsRefusedAndLeftAlone()
    {
        var precious = Path.Combine(_parent.FullName, "model", "thesis.txt");
        Directory.CreateDirectory(Path.GetDirectoryName(precious)!);
        File.WriteAllText(precious, "years");
        Assert.Equal("demo.output_not_empty", Assert.Throws<CommandException>(() => DemoFolder.Open(_parent.FullName)).Code);
        Assert.Equal([precious], Directory.GetFiles(_parent.FullName, "*", SearchOption.AllDirectories));
    }

    [Fact]
    public void Open_AFile_IsRefused()
    {
        var file = Path.Combine(_parent.FullName, "file");
        File.WriteAllText(file, "");
        Assert.Equal("demo.output_unwritable", Assert.Throws<CommandException>(() => DemoFolder.Open(file)).Code);
    }

    [Fact]
    public void ReplaceModel_SameModel_KeepsResults_OtherModel_DropsThem()
    {
        var folder = DemoFolder.Open(Path.Combine(_parent.FullName, "demo"));
        using var network = new SmallCnn(DemoTraining.Architecture, seed: 1);
        using var other = new SmallCnn(DemoTraining.Architecture, seed: 2);
        var result = folder.Result("STS_023", "result.json");

        var first = folder.ReplaceModel(Metadata(), network);
        Directory.CreateDirectory(Path.GetDirectoryName(result)!);
        File.WriteAllText(result, "{}");
        folder = DemoFolder.Open(folder.Root);
        Assert.Equal(first.Sha256, folder.ReplaceModel(Metadata(), network).Sha256);
        Assert.True(File.Exists(result));

        var second = folder.ReplaceModel(Metadata(), other);
        Assert.NotEqual(first.Sha256, second.Sha256);
        Assert.False(File.Exists(result));
        using var loaded = ModelFolder.Load(folder.Model);
        Assert.Equal(second.Sha256, loaded.Card.Sha256);
    }

    [Fact]
    public void ReplaceModel_DamagedModelAndLeftovers_AreReplaced()
    {
        var folder = DemoFolder.Open(Path.Combine(_parent.FullName, "demo"));
        foreach (var name in new[] { "model", ".model-new" })
        {
            Directory.CreateDirectory(Path.Combine(folder.Root, name));
            File.WriteAllText(Path.Combine(folder.Root, name, "metadata.json"), "{");
        }

        using var network = new SmallCnn(DemoTraining.Architecture, seed: 1);
        var card = folder.ReplaceModel(Metadata(), network);
        using var loaded = ModelFolder.Load(folder.Model);
        Assert.Equal(card.Sha256, loaded.Card.Sha256);
        Assert.False(Directory.Exists(Path.Combine(folder.Root, ".model-new")));
    }

    private static ModelMetadata Metadata() => new()
    {
        Name = "demo",
        Version = "1.0.0",
        Task = "test",
        Description = "test",
        Classes = ["tumour"],
        Architecture = DemoTraining.Architecture,
        Intensities = [DemoTraining.Intensity],
    };
}
