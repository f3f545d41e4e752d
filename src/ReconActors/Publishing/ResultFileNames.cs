using ToNNO.Contracts;
using ToNNO.Imaging.Sinograms;

namespace ToNNO.ReconActors.Publishing;

/// <summary>What the files of a result are called: plainly where there is one heatmap, else with the class's name.</summary>
internal sealed class ResultFileNames
{
    private static readonly ResultFileNames _plain = new("");
    private readonly string _suffix;

    private ResultFileNames(string suffix) => _suffix = suffix;

    public string Heatmap => $"heatmap{_suffix}.nii.gz";

    public string Mask => $"mask{_suffix}.nii.gz";

    public string Preview => $"preview{_suffix}.png";

    /// <summary>The files that a result of one heatmap may have.</summary>
    public static IReadOnlyList<string> Plain { get; } = [_plain.Heatmap, _plain.Mask, _plain.Preview, SinogramFile.FileName];

    /// <summary>The names by class.</summary>
    /// <remarks>Of a class's name letters, digits, '-' and '_' are taken; its index besides, where another's would be the same.</remarks>
    public static IReadOnlyList<ResultFileNames> Of(IReadOnlyList<ModelClass> classes)
    {
        if (classes.Count == 1)
        {
            return [_plain];
        }

        static string Safe(ModelClass one) => string.Concat(one.Name.Select(letter => char.IsAsciiLetterOrDigit(letter) || letter is '-' or '_' ? letter : '_'));
        var shared = classes.CountBy(Safe, StringComparer.OrdinalIgnoreCase).Where(pair => pair.Value > 1).Select(pair => pair.Key).ToHashSet(StringComparer.OrdinalIgnoreCase);
        return [.. classes.Select(one => new ResultFileNames(shared.Contains(Safe(one)) ? $"-{Safe(one)}-{one.Index}" : $"-{Safe(one)}"))];
    }
}
