using System.Globalization;
using ToNNO.Imaging;
using ToNNO.Imaging.Nifti;
using ToNNO.Imaging.Previews;
using ToNNO.Tonno.Pages;

namespace ToNNO.Tonno.Evaluation;

/// <summary>The page of an evaluation: one HTML file that needs no network, with its tables, plots and pictures.</summary>
internal static class EvaluationPage
{
    /// <summary>Volumes that are shown, evenly spread from the worst to the best.</summary>
    private const int Pictures = 6;

    /// <summary>Methods shown of each volume: the first ones.</summary>
    private const int PicturedMethods = 4;

    public static string Build(EvaluationReport report, EvaluationJob job, CancellationToken cancel) => PageTemplate.RenderPage("EvaluationPage.html", new Dictionary<string, object>
    {
        ["choosing"] = EvaluationText.Choosing(report),
        ["headings"] = Metric.All.Select(metric => Item(("name", metric.Name))).ToArray(),
        ["metrics"] = Metric.All.Select(metric => Item(
            ("name", metric.Name),
            ("cells", report.Methods.Select(method => Item(("text", EvaluationText.Of(method.Estimates[metric.Key])), ("rank", IsBest(report, method, metric) ? "best" : ""))).ToArray()))).ToArray(),
        ["methods"] = report.Methods.Select(method => Item(
            ("name", method.Name),
            ("choices", Choices(method)))).ToArray(),
        ["scores"] = EvaluationPlots.Scores(report),
        ["thresholds"] = EvaluationPlots.Thresholds(report),
        ["sizes"] = EvaluationPlots.Sizes(report),
        ["pairs"] = report.Pairs.Count == 0 ? [] : new[] { Item(("plot", EvaluationPlots.Differences(report)), ("rows", report.Pairs.Select(Row).ToArray())) },
        ["sweeps"] = report.Sweeps.Select(sweep => Item(("name", sweep.Name), ("exponents", EvaluationPlots.Exponents(sweep)), ("directions", EvaluationPlots.Directions(sweep)))).ToArray(),
        ["pictures"] = Shown(report).SelectMany(at => Previews(report, job, at, cancel)).ToArray(),
        ["cases"] = report.Methods.SelectMany(method => method.Cases.Select(scores => Row(method, scores))).ToArray(),
    });

    /// <summary>The most frequent ones; where each patient has its own, all would fill the page.</summary>
    private static string Choices(MethodReport method)
    {
        const int Most = 3;
        var shown = string.Join("; ", method.Choices.Take(Most).Select(choice => method.Choices.Count == 1 ? choice.Choice : $"{choice.Choice} ({choice.Patients})"));
        return method.Choices.Count > Most ? $"{shown}; {method.Choices.Count - Most} others" : shown;
    }

    private static bool IsBest(EvaluationReport report, MethodReport method, Metric metric)
    {
        var means = report.Methods.Select(one => one.Estimates[metric.Key].Mean).Where(double.IsFinite).ToList();
        return means.Count > 1 && method.Estimates[metric.Key].Mean == (metric.HigherIsBetter ? means.Max() : means.Min());
    }

    private static Dictionary<string, object> Row(PairReport pair) => Item(
        ("name", $"{pair.One} − {pair.Other}"),
        ("cells", Metric.All.Select(metric => Item(("text", EvaluationText.Of(pair.Differences[metric.Key], signed: true)))).ToArray()));

    private static Dictionary<string, object> Row(MethodReport method, CaseScores scores) => Item(
        ("method", method.Name),
        ("volume", scores.VolumeId),
        ("lesions", scores.Lesions.ToString(CultureInfo.InvariantCulture)),
        ("lesionMl", scores.LesionMl.ToString("G3", CultureInfo.InvariantCulture)),
        ("maskMl", scores.MaskMl.ToString("G3", CultureInfo.InvariantCulture)),
        ("threshold", EvaluationText.Of(scores.Threshold)),
        ("found", $"{scores.Found.Found} of {scores.Lesions}, {scores.Found.Extra} extra"),
        ("cells", Metric.All.Select(metric => Item(("text", double.IsFinite(metric.Of(scores)) ? metric.Of(scores).ToString("F2", CultureInfo.InvariantCulture) : "–"))).ToArray()));

    /// <summary>Places of the scored volumes to show, by the first method's Dice.</summary>
    private static IEnumerable<int> Shown(EvaluationReport report)
    {
        var order = Enumerable.Range(0, report.Volumes).OrderBy(at => report.Methods[0].Cases[at].Dice).ToList();
        var count = Math.Min(Pictures, order.Count);
        return Enumerable.Range(0, count).Select(step => order[count == 1 ? 0 : step * (order.Count - 1) / (count - 1)]);
    }

    /// <summary>One picture for each method, where the image is there to draw on.</summary>
    private static IEnumerable<Dictionary<string, object>> Previews(EvaluationReport report, EvaluationJob job, int at, CancellationToken cancel)
    {
        var caseIndex = job.Cases.ToList().FindIndex(one => one.Name == report.Methods[0].Cases[at].File);
        if (Image(job.Cases[caseIndex].ImagePath) is not { } image || image.Volume.Geometry.Shape != job.Geometry(caseIndex).Shape)
        {
            yield break;
        }

        var reference = job.Mask(caseIndex);
        foreach (var (method, source) in report.Methods.Select((method, source) => (method, source)).Take(PicturedMethods))
        {
            cancel.ThrowIfCancellationRequested();
            var scores = method.Cases[at];
            var title = string.Create(CultureInfo.InvariantCulture, $"{scores.VolumeId} · {method.Name} · Dice {scores.Dice:F2}");
            var png = PreviewRenderer.RenderPng(new PreviewRequest(image.Volume, job.Heatmap(source, caseIndex, scores.Variant, cancel), title)
            {
                ReferenceMask = reference,
                Threshold = scores.Threshold,
            });
            yield return Item(("title", title), ("png", Convert.ToBase64String(png)));
        }
    }

    /// <returns>Null where there is no image to draw on.</returns>
    private static NiftiVolume? Image(string path)
    {
        try
        {
            return File.Exists(path) ? NiftiReader.Read(path, long.MaxValue) : null;
        }
        catch (ImagingException)
        {
            return null; // a picture is a help, not a result
        }
    }

    private static Dictionary<string, object> Item(params (string Name, object Value)[] values) => values.ToDictionary(pair => pair.Name, pair => pair.Value);
}
