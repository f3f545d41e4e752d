using ToNNO.Encoders;
using ToNNO.Encoders.Models;
using ToNNO.Encoders.Networks;
using ToNNO.Tonno.Commands;

namespace ToNNO.Tonno.Demo;

/// <summary>The folder that the demonstration writes. It bears a mark: only what a demonstration made is ever replaced.</summary>
internal sealed class DemoFolder
{
    private const string MarkFile = ".tonno-demo";

    private DemoFolder(string path) => Root = path;

    public string Root { get; }

    public string Model => Path.Combine(Root, "model");

    public string Inputs => Path.Combine(Root, "inputs");

    public string Masks => Path.Combine(Root, "masks");

    /// <summary>What <c>tonno evaluate</c> scores the results against.</summary>
    public string References => Path.Combine(Root, "references.csv");

    /// <summary>The store of the run.</summary>
    public string Results => Path.Combine(Root, "results");

    public string Page => Path.Combine(Root, "index.html");

    public string Summary => Path.Combine(Root, "summary.json");

    /// <exception cref="CommandException">The folder holds something that no demonstration made, or cannot be written.</exception>
    public static DemoFolder Open(string path)
    {
        var folder = new DemoFolder(Path.GetFullPath(path));
        try
        {
            var mark = Path.Combine(folder.Root, MarkFile);
            Directory.CreateDirectory(folder.Root);
            if (!File.Exists(mark) && Directory.EnumerateFileSystemEntries(folder.Root).Any())
            {
                throw new CommandException(
                    ExitCodes.Usage, "demo.output_not_empty", $"{path} holds files that are not a demo's: choose a new or empty folder with --out.");
            }

            File.WriteAllText(mark, "tonno demo made this folder, and replaces what it made when it runs again.\n");
            Directory.CreateDirectory(folder.Inputs);
            Directory.CreateDirectory(folder.Masks);
            return folder;
        }
        catch (Exception refused) when (refused is IOException or UnauthorizedAccessException)
        {
            throw new CommandException(ExitCodes.Usage, "demo.output_unwritable", $"{path} cannot be written: {refused.Message}");
        }
    }

    public string Input(string id) => Path.Combine(Inputs, $"{id}.nii.gz");

    public string Mask(string id) => Path.Combine(Masks, $"{id}.nii.gz");

    public string Picture(string id) => Path.Combine(Root, $"{id}.png");

    public string Result(string id, string file) => Path.Combine(Results, id, file);

    /// <summary>Puts a model in the place of the last one. Where it is another, the last one's results go with it.</summary>
    public EncoderCard ReplaceModel(ModelMetadata metadata, SmallCnn network)
    {
        var fresh = Path.Combine(Root, ".model-new");
        Delete(fresh);
        var card = ModelFolder.Save(fresh, metadata, network);
        if (HashOfModel() == card.Sha256)
        {
            Delete(fresh);
            return card;
        }

        Delete(Results);
        Delete(Model);
        Directory.Move(fresh, Model);
        return card;
    }

    /// <summary>Writes a file whole or not at all.</summary>
    public static void Write(string path, Action<Stream> write)
    {
        var temporary = path + ".tmp";
        using (var file = File.Create(temporary))
        {
            write(file);
        }

        File.Move(temporary, path, overwrite: true);
    }

    private string? HashOfModel()
    {
        try
        {
            using var model = ModelFolder.Load(Model);
            return model.Card.Sha256;
        }
        catch (EncoderException)
        {
            return null; // none, or a damaged one: it is replaced
        }
    }

    private static void Delete(string folder)
    {
        if (Directory.Exists(folder))
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
