using ToNNO.Imaging;
using ToNNO.Imaging.Nifti;
using ToNNO.Tomography.Geometry;
using ToNNO.Tonno.Commands;

namespace ToNNO.Tonno.Evaluation;

/// <summary>Scores heatmaps against references: thresholds and filters are chosen on some patients, the scores are of others.</summary>
internal sealed class EvaluationJob
{
    private readonly EvaluationRequest _request;
    private readonly ReferenceSheet _sheet;
    private readonly IReadOnlyList<IReadOnlyList<ResultStore.StoredResult>> _results; // by store, then case
    private readonly IReadOnlyList<IHeatmapSource> _sources;

    private EvaluationJob(
        EvaluationRequest request, ReferenceSheet sheet, IReadOnlyList<IReadOnlyList<ResultStore.StoredResult>> results, IReadOnlyList<IHeatmapSource> sources) =>
        (_request, _sheet, _results, _sources) = (request, sheet, results, sources);

    public IReadOnlyList<ReferenceCase> Cases => _sheet.Cases;

    /// <summary>The cases to choose on: those for validation, or all where each patient is left out in turn.</summary>
    private IEnumerable<int> Choosing => Enumerable.Range(0, Cases.Count).Where(at => !_sheet.HasSplit || Cases[at].IsValidation);

    /// <summary>True where each patient is scored by what the others choose.</summary>
    private bool IsCrossFitted => _request.Threshold is null && !_sheet.HasSplit;

    /// <summary>Checks everything before any work: that each volume has its result and its reference, on one grid.</summary>
    /// <exception cref="CommandException">Something is missing, or does not fit.</exception>
    /// <exception cref="ImagingException">A mask is no volume.</exception>
    public static EvaluationJob Prepare(EvaluationRequest request)
    {
        var sheet = ReferenceSheet.Read(request.References, request.Root);
        var stores = request.Stores.Select(ResultStore.Open).ToList();
        if (stores.GroupBy(store => store.Name, StringComparer.Ordinal).FirstOrDefault(same => same.Count() > 1) is { } same)
        {
            throw Refused("results.name_taken", $"{same.Count()} folders go by the name {same.Key}: give each its own, as in NAME=FOLDER.");
        }

        var results = stores.ConvertAll(store => store.Match(sheet, request.ClassName, request.ListedOnly));
        var sources = stores.Zip(results, (store, found) => (IHeatmapSource)new StoredHeatmaps(store.Name, found)).ToList();
        if (request.Sweep)
        {
            var swept = stores.Zip(results).Where(pair => pair.First.HasSinograms).Select(pair => new SweptHeatmaps($"{pair.First.Name}, swept", pair.Second)).ToList();
            sources.AddRange(swept.Count > 0 ? swept : throw Refused("results.no_sinogram", "None of the folders holds sinograms of logits to sweep over: leave --sweep out, or add a run of --method tonno."));
        }

        var job = new EvaluationJob(request, sheet, results, sources);
        if (job.IsCrossFitted && sheet.Cases.DistinctBy(one => one.Patient, StringComparer.Ordinal).Count() < 2)
        {
            throw Refused("references.one_patient", $"{sheet.Name} names one patient alone, and thresholds are chosen on others: add patients, or give --threshold.");
        }

        foreach (var (one, at) in sheet.Cases.Select((one, at) => (one, at)))
        {
            _ = job.Mask(at);
            foreach (var result in results)
            {
                RequireSameGrid(sheet, one, result[at]);
            }
        }

        return job;
    }

    /// <param name="progress">Told the part done, 0 to 1, and a text; from any thread.</param>
    public EvaluationReport Run(Action<double, string> progress, CancellationToken cancel)
    {
        var curves = Curves(progress, cancel);
        var scored = Enumerable.Range(0, Cases.Count).Where(at => IsCrossFitted || !Cases[at].IsValidation).ToList();
        var patients = scored.Select(at => Cases[at].Patient).Distinct(StringComparer.Ordinal).ToList();
        var bootstrap = new Bootstrap(patients.Count, _request.Draws, _request.Seed);
        var choices = _sources.Select((_, source) => Choose(source, curves[source], patients)).ToList();
        var scores = Score(choices, scored, progress, cancel);
        var values = scores.Select(cases => Metric.All.ToDictionary(metric => metric, metric => ByPatient(cases, one => one.Patient, metric.Of))).ToList();
        return new(
            scored.Count,
            patients.Count,
            _request.Threshold is not null ? ThresholdSource.Given : IsCrossFitted ? ThresholdSource.OtherPatients : ThresholdSource.ValidationPatients,
            [.. _sources.Select((source, at) => new MethodReport(
                source.Name,
                [.. choices[at].Values.GroupBy(choice => choice.Describe(source)).Select(same => (same.Key, same.Count())).OrderByDescending(same => same.Item2)],
                Metric.All.ToDictionary(metric => metric.Key, metric => bootstrap.Of(values[at][metric])),
                scores[at],
                MeanCurve(curves[at], choices[at], scored)))],
            [.. from one in Enumerable.Range(0, _sources.Count)
                from other in Enumerable.Range(one + 1, _sources.Count - one - 1)
                select new PairReport(
                    _sources[one].Name,
                    _sources[other].Name,
                    Metric.All.ToDictionary(metric => metric.Key, metric => bootstrap.Of([.. values[one][metric].Zip(values[other][metric], (first, second) => first - second)])))],
            [.. _sources.Select((source, at) => (source, at)).Where(pair => pair.source.Variants.Count > 1).Select(pair => Sweep(pair.source, curves[pair.at]))]);
    }

    /// <summary>A case's reference: one byte per voxel, 0 outside.</summary>
    public byte[] Mask(int caseIndex)
    {
        var one = Cases[caseIndex];
        var mask = NiftiReader.Read(one.MaskPath, long.MaxValue);
        mask.RequireFinite(Path.GetFileName(one.MaskPath));
        var voxels = Array.ConvertAll(mask.Volume.Samples.AsFloats(), value => value > 0 ? (byte)1 : (byte)0);
        return voxels.AsSpan().ContainsAnyExcept((byte)0)
            ? voxels
            : throw Refused("references.mask_empty", $"The mask {one.MaskPath} (line {one.Line} of {_sheet.Name}) holds no voxel: overlap with nothing is no score; leave the line out, or correct the mask.");
    }

    /// <summary>A case's heatmap as a method's scores are of.</summary>
    public float[] Heatmap(int source, int caseIndex, string variant, CancellationToken cancel) =>
        _sources[source].Heatmap(caseIndex, _sources[source].Variants.ToList().FindIndex(one => one.Name == variant), cancel);

    public VolumeGeometry Geometry(int caseIndex) => NiftiReader.ReadHeader(_results[0][caseIndex].HeatmapPath).Geometry;

    private static void RequireSameGrid(ReferenceSheet sheet, ReferenceCase one, ResultStore.StoredResult result)
    {
        // Other programs write a mask's affine with other digits: a tenth of a voxel apart is the same.
        const double Tolerance = 0.1;
        var (mask, heatmap) = (NiftiReader.ReadHeader(one.MaskPath).Geometry, NiftiReader.ReadHeader(result.HeatmapPath).Geometry);
        var shape = heatmap.Shape;
        var most = Tolerance * Math.Min(heatmap.Affine.I.Length, Math.Min(heatmap.Affine.J.Length, heatmap.Affine.K.Length));
        var isSame = mask.Shape == shape && Enumerable.Range(0, 8).All(corner =>
        {
            var (i, j, k) = ((corner & 1) * (shape.I - 1), ((corner >> 1) & 1) * (shape.J - 1), (corner >> 2) * (shape.K - 1));
            return (mask.Affine.ToWorld(i, j, k) - heatmap.Affine.ToWorld(i, j, k)).Length <= most;
        });
        if (!isSame)
        {
            var what = mask.Shape == shape ? "lies elsewhere" : $"has {mask.Shape} voxels, not {shape}";
            throw Refused("references.grid_differs", $"The mask {one.MaskPath} (line {one.Line} of {sheet.Name}) is not on its heatmap's grid, as it {what}: resample it to the volume's grid.");
        }
    }

    /// <summary>Dice by threshold, by source, variant and case.</summary>
    private DiceCurve[][][] Curves(Action<double, string> progress, CancellationToken cancel)
    {
        var curves = _sources.Select(source => source.Variants.Select(_ => new DiceCurve[Cases.Count]).ToArray()).ToArray();
        var done = 0;
        Parallel.For(0, Cases.Count, new ParallelOptions { CancellationToken = cancel, MaxDegreeOfParallelism = Environment.ProcessorCount }, at =>
        {
            var mask = Mask(at);
            for (var source = 0; source < _sources.Count; source++)
            {
                foreach (var (heatmap, variant) in _sources[source].Heatmaps(at, cancel).Select((heatmap, variant) => (heatmap, variant)))
                {
                    curves[source][variant][at] = new DiceCurve(new RankedVoxels(heatmap, mask));
                }
            }

            progress(0.7 * Interlocked.Increment(ref done) / Cases.Count, $"thresholds of volume {done} of {Cases.Count}");
        });
        return curves;
    }

    /// <summary>For each patient to score, what those who have a say choose.</summary>
    private Dictionary<string, Choice> Choose(int source, DiceCurve[][] curves, IReadOnlyList<string> patients)
    {
        var variants = _sources[source].Variants;
        if (_request.Threshold is { } given)
        {
            return patients.ToDictionary(patient => patient, _ => new Choice(0, given, null, null), StringComparer.Ordinal);
        }

        // Fewer directions are shown, but never better than all by more than chance.
        var choosers = variants.Select((variant, at) => (variant, at)).Where(pair => pair.variant.Share == 1)
            .Select(pair => (pair.at, Chooser: Chooser(curves[pair.at]))).ToList();
        return patients.ToDictionary(
            patient => patient,
            patient =>
            {
                var without = IsCrossFitted ? patient : null;
                return choosers.Select(one =>
                {
                    var (absolute, relative) = (one.Chooser.Fixed(without), one.Chooser.OfPeak(without));
                    var best = absolute.MeanDice > relative.MeanDice ? absolute : relative;
                    return (best.MeanDice, Choice: new Choice(one.at, best.Threshold, absolute.Threshold, relative.Threshold));
                }).MaxBy(one => one.MeanDice).Choice;
            },
            StringComparer.Ordinal);
    }

    private ThresholdChooser Chooser(DiceCurve[] curves) => new([.. Choosing.Select(at => (Cases[at].Patient, curves[at]))]);

    private SweepReport Sweep(IHeatmapSource source, DiceCurve[][] curves) => new(source.Name, [.. source.Variants.Select((variant, at) =>
    {
        var chooser = Chooser(curves[at]);
        return new SweepRow(
            variant,
            Math.Max(chooser.Fixed().MeanDice, chooser.OfPeak().MeanDice),
            ByPatient(Choosing, index => Cases[index].Patient, index => curves[at][index].OwnBest).Average());
    })]);

    private CaseScores[][] Score(List<Dictionary<string, Choice>> choices, List<int> scored, Action<double, string> progress, CancellationToken cancel)
    {
        var scores = _sources.Select(_ => new CaseScores[scored.Count]).ToArray();
        var done = 0;
        Parallel.For(0, scored.Count, new ParallelOptions { CancellationToken = cancel, MaxDegreeOfParallelism = Environment.ProcessorCount }, at =>
        {
            var (mask, geometry) = (Mask(scored[at]), Geometry(scored[at]));
            for (var source = 0; source < _sources.Count; source++)
            {
                var choice = choices[source][Cases[scored[at]].Patient];
                scores[source][at] = Score(scored[at], mask, geometry, _sources[source], choice, cancel);
            }

            progress(0.7 + (0.3 * Interlocked.Increment(ref done) / scored.Count), $"scores of volume {done} of {scored.Count}");
        });
        return scores;
    }

    private CaseScores Score(int caseIndex, byte[] reference, VolumeGeometry geometry, IHeatmapSource source, Choice choice, CancellationToken cancel)
    {
        var heatmap = source.Heatmap(caseIndex, choice.Variant, cancel);
        var voxels = new RankedVoxels(heatmap, reference);
        var bound = choice.Threshold.For(voxels.Peak);
        var mask = new byte[heatmap.Length];
        HeatmapMask.Write(heatmap, bound, mask);
        var ml = geometry.VoxelVolumeMm3 / 1000;
        var found = Lesions.Match(mask, reference, geometry.Shape);
        return new()
        {
            VolumeId = _results[0][caseIndex].Result.VolumeId.Value,
            File = Cases[caseIndex].Name,
            Patient = Cases[caseIndex].Patient,
            LesionMl = voxels.ReferenceCount * ml,
            Lesions = found.Found + found.Missed,
            Threshold = choice.Threshold,
            Variant = source.Variants[choice.Variant].Name,
            MaskMl = voxels.At(bound).Mask * ml,
            Dice = voxels.Dice(bound),
            DiceFixed = choice.Fixed is { } absolute ? voxels.Dice(absolute.For(voxels.Peak)) : double.NaN,
            DiceOfPeak = choice.OfPeak is { } relative ? voxels.Dice(relative.For(voxels.Peak)) : double.NaN,
            DiceOwnBest = voxels.BestDice().Dice,
            AveragePrecision = voxels.AveragePrecision(),
            Found = found,
            BalancedAccuracy = voxels.BalancedAccuracy(bound),
            PeakInLesion = reference[heatmap.AsSpan().IndexOf(voxels.Peak)] != 0,
            Surface = SurfaceDistance.Between(mask, reference, geometry),
        };
    }

    private double[] MeanCurve(DiceCurve[][] curves, Dictionary<string, Choice> choices, List<int> scored) =>
    [
        .. Enumerable.Range(0, DiceCurve.Steps + 1).Select(step => ByPatient(
            scored,
            at => Cases[at].Patient,
            at => curves[choices[Cases[at].Patient].Variant][at].At(new HeatmapThreshold((double)step / DiceCurve.Steps, OfPeak: true))).Average()),
    ];

    /// <summary>Each patient's mean over volumes that have a value, in the order of their first volumes; NaN where none has.</summary>
    private static double[] ByPatient<T>(IEnumerable<T> items, Func<T, string> patientOf, Func<T, double> valueOf) =>
        [.. items.GroupBy(patientOf, StringComparer.Ordinal).Select(patient => patient.Select(valueOf).Where(double.IsFinite).DefaultIfEmpty(double.NaN).Average())];

    private static CommandException Refused(string code, string sentence) => new(ExitCodes.Usage, code, sentence);

    /// <param name="Fixed">The best value for all; null where the threshold is given.</param>
    /// <param name="OfPeak">The best fraction of the peak for all, likewise.</param>
    private sealed record Choice(int Variant, HeatmapThreshold Threshold, HeatmapThreshold? Fixed, HeatmapThreshold? OfPeak)
    {
        public string Describe(IHeatmapSource source)
        {
            var threshold = Threshold.OfPeak ? FormattableString.Invariant($"{Threshold.Value:P1} of the peak") : FormattableString.Invariant($"{Threshold.Value:G3}");
            return source.Variants[Variant].Name is { Length: > 0 } name ? $"{name}, {threshold}" : threshold;
        }
    }
}
