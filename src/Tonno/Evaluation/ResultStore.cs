using System.Security.Cryptography;
using ToNNO.Contracts;
using ToNNO.Imaging.Nifti;
using ToNNO.Imaging.Sinograms;
using ToNNO.Tonno.Commands;

namespace ToNNO.Tonno.Evaluation;

/// <summary>The results of one run, or of several into one folder: what is evaluated under one name.</summary>
internal sealed class ResultStore
{
    private readonly string _folder;
    private readonly IReadOnlyList<VolumeResult> _results;

    private ResultStore(string name, string folder, IReadOnlyList<VolumeResult> results) => (Name, _folder, _results) = (name, folder, results);

    /// <summary>What the tables call it.</summary>
    public string Name { get; }

    /// <summary>True where heatmaps are made of logits, so that a sinogram makes them again.</summary>
    public bool HasSinograms => _results.All(result => result.Settings.Cam is null && result.Files.ContainsKey(SinogramFile.FileName));

    /// <param name="argument">A folder of results, or <c>NAME=FOLDER</c>; else the folder's name stands for it.</param>
    /// <exception cref="CommandException">It holds no result.</exception>
    public static ResultStore Open(string argument)
    {
        var at = Directory.Exists(argument) ? -1 : argument.IndexOf('=', StringComparison.Ordinal);
        var folder = argument[(at + 1)..];
        if (!Directory.Exists(folder))
        {
            throw Refused("results.missing", $"The folder {folder} is not there: give the folder that tonno run wrote into, or NAME=FOLDER.");
        }

        var results = new List<VolumeResult>();
        foreach (var document in Directory.EnumerateDirectories(folder).Order(StringComparer.Ordinal).Select(path => Path.Combine(path, VolumeResult.FileName)).Where(File.Exists))
        {
            results.Add(Documents.TryParse<VolumeResult>(File.ReadAllBytes(document))
                ?? throw Refused("results.damaged", $"{document} is no description of a result: run tonno run again, which mends it."));
        }

        var name = at > 0 ? argument[..at] : Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder)));
        return results.Count > 0
            ? new(name, folder, results)
            : throw Refused("results.missing", $"{folder} holds no finished result: give the folder that tonno run wrote into, or NAME=FOLDER.");
    }

    /// <summary>Finds the result of each volume.</summary>
    /// <param name="className">Which class, where there are several.</param>
    /// <param name="listedOnly">Leave results aside that no line names.</param>
    /// <exception cref="CommandException">One is missing, is one of several, has no such class, or has no line.</exception>
    public IReadOnlyList<StoredResult> Match(ReferenceSheet sheet, string? className, bool listedOnly)
    {
        var matched = sheet.Cases.Select(one => new StoredResult(this, Find(sheet, one), className)).ToList();
        var unnamed = _results.Except(matched.Select(one => one.Result)).ToList();
        return unnamed.Count == 0 || listedOnly
            ? matched
            : throw Refused(
                "results.unlisted",
                $"{unnamed.Count} of the {_results.Count} results in {_folder} {(unnamed.Count == 1 ? "has" : "have")} no line in {sheet.Name}, {(unnamed.Count == 1 ? "" : "the first ")}{unnamed[0].VolumeId}: add lines, or leave them aside by --listed-only.");
    }

    private VolumeResult Find(ReferenceSheet sheet, ReferenceCase one)
    {
        var fileName = Path.GetFileName(one.ImagePath);
        var found = _results.Where(result => result.VolumeId.Value == one.Name).ToList();
        found = found.Count > 0 ? found : [.. _results.Where(result => result.Input.Names.Contains(fileName))];
        return found.Count switch
        {
            1 => found[0],
            0 => throw Refused("results.missing", $"{_folder} holds no finished result of {one.Name} (line {one.Line} of {sheet.Name}): run it, or leave the line out."),
            _ => throw Refused(
                "results.ambiguous",
                $"{_folder} holds {found.Count} results of files named {fileName} (line {one.Line} of {sheet.Name}): write the result folder's name as file, as in {found[0].VolumeId}."),
        };
    }

    private static CommandException Refused(string code, string sentence) => new(ExitCodes.Usage, code, sentence);

    /// <summary>A volume's result in its store.</summary>
    internal sealed class StoredResult
    {
        private readonly string _folder;
        private readonly VolumeResult.HeatmapFacts _facts;

        public StoredResult(ResultStore store, VolumeResult result, string? className)
        {
            (Result, _folder) = (result, Path.Combine(store._folder, result.VolumeId.Value));
            var classes = result.Heatmaps.Select(heatmap => heatmap.Class).ToList();
            var at = className is null ? classes.Count - 1 : classes.IndexOf(className);
            _facts = at >= 0 && (className is not null || classes.Count == 1)
                ? result.Heatmaps[at]
                : throw Refused("class.unknown", $"{result.VolumeId} in {store._folder} has the classes {string.Join(", ", classes)}: give --class with one of them.");
        }

        public VolumeResult Result { get; }

        public string Class => _facts.Class;

        public string HeatmapPath => Path.Combine(_folder, _facts.File);

        /// <exception cref="ToNNO.Imaging.ImagingException">It is damaged.</exception>
        /// <exception cref="CommandException">It is not the file that was published.</exception>
        public float[] Heatmap() => NiftiReader.Read(Checked(_facts.File), long.MaxValue).Volume.Samples.AsFloats().ToArray();

        /// <inheritdoc cref="Heatmap"/>
        public Sinogram Sinogram() => SinogramFile.Read(Checked(SinogramFile.FileName));

        private string Checked(string name)
        {
            var path = Path.Combine(_folder, name);
            if (Result.Files.GetValueOrDefault(name) is { } published && File.Exists(path))
            {
                using var file = File.OpenRead(path);
                if (Convert.ToHexStringLower(SHA256.HashData(file)) == published.Sha256)
                {
                    return path;
                }
            }

            throw Refused("results.damaged", $"{path} is not as the run left it: run tonno run again, which mends it.");
        }
    }
}
