using System.ComponentModel.DataAnnotations;
using ToNNO.Encoders.Networks;
using static TorchSharp.torch;

namespace ToNNO.Encoders.Training;

/// <summary>The slices of volumes that are not learned from: volume after volume, the same number of each, always the same.</summary>
/// <param name="Slices">Slice i of volume v is slot v·<paramref name="PerVolume"/> + i of the batches; what lies beyond the last is not looked at.</param>
/// <param name="Positive">The volumes' labels.</param>
public sealed record ValidationSlices(ISliceSource Slices, IReadOnlyList<bool> Positive, int PerVolume);

/// <summary>When a training stops.</summary>
public sealed class StoppingOptions
{
    /// <summary>Steps between two evaluations.</summary>
    [Range(1, 1_000_000)]
    public int EvaluateEvery { get; init; } = 50;

    /// <summary>The training stops after so many evaluations without a better one.</summary>
    [Range(1, 1_000_000)]
    public int Patience { get; init; } = 10;
}

/// <summary>Trains until validation says that no more is to be gained, and keeps the weights that did best on it.</summary>
/// <remarks>After each evaluation all is written down; interrupted and called again with the same arguments it ends, on the CPU, with the
/// weights of a training that was not interrupted.</remarks>
public static class ValidatedTraining
{
    /// <param name="network">Ends with the best weights, on the CPU.</param>
    /// <param name="checkpointPath">The file to go on from, where it is there, and to write; left behind.</param>
    /// <param name="key">Names all that decides the weights and is not among the arguments here.</param>
    /// <param name="progress">Told of each report, and the evaluations so far.</param>
    /// <returns>All evaluations, in order.</returns>
    /// <exception cref="EncoderException">The loss is no longer finite, the device absent, or the checkpoint unwritable, damaged or another training's.</exception>
    public static IReadOnlyList<TrainingEvaluation> Run(
        TrainableNetwork network,
        ISliceSource source,
        ValidationSlices validation,
        SliceTrainingOptions options,
        StoppingOptions stopping,
        string checkpointPath,
        string key,
        Action<TrainingProgress, IReadOnlyList<TrainingEvaluation>>? progress = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(network);
        ArgumentNullException.ThrowIfNull(validation);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(stopping);
        Validator.ValidateObject(stopping, new ValidationContext(stopping), validateAllProperties: true);
        IReadOnlyDictionary<string, float[]>? best = null;
        var history = new List<TrainingEvaluation>();
        using (var session = new SliceTrainingSession(network, source, options))
        {
            if (TrainingCheckpoint.TryRead(checkpointPath, key, session.Export()) is { } checkpoint)
            {
                session.Restore(checkpoint.Now);
                (best, history) = (checkpoint.Best, [.. checkpoint.History]);
            }
            else
            {
                // At once, so that a place that cannot be written to is not found out after the work.
                new TrainingCheckpoint([], session.Export(), null).Write(checkpointPath, key);
            }

            while (session.Step < options.Steps && !HasStalled(history, stopping, options.Loss))
            {
                var until = Math.Min(options.Steps, session.Step + stopping.EvaluateEvery);
                var report = session.Advance(until, at => progress?.Invoke(at, history), cancellationToken);
                var evaluation = Judge(session.Answers(validation.Slices, Batches(validation, options)), validation, report, options.Loss);
                if (evaluation.IsBetterThan(BestOf(history, options.Loss), options.Loss))
                {
                    best = session.Export().Weights();
                }

                history.Add(evaluation);
                new TrainingCheckpoint(history, session.Export(), best).Write(checkpointPath, key);
                progress?.Invoke(report, history);
            }
        }

        SetWeights(network, best!);
        return history;
    }

    /// <summary>The evaluation whose weights are kept; null where there is none.</summary>
    /// <param name="by">The loss that was learned by.</param>
    public static TrainingEvaluation? BestOf(IReadOnlyList<TrainingEvaluation> history, SliceLoss by)
    {
        ArgumentNullException.ThrowIfNull(history);
        TrainingEvaluation? best = null;
        foreach (var evaluation in history)
        {
            best = evaluation.IsBetterThan(best, by) ? evaluation : best;
        }

        return best;
    }

    internal static bool HasStalled(IReadOnlyList<TrainingEvaluation> history, StoppingOptions stopping, SliceLoss by)
    {
        var best = BestOf(history, by);
        return history.SkipWhile(evaluation => evaluation != best).Skip(1).Count() >= stopping.Patience;
    }

    internal static TrainingEvaluation Judge((float[] Logits, float[] Labels) answers, ValidationSlices validation, TrainingProgress report, SliceLoss by)
    {
        var volumes = validation.Positive.Count;
        var scores = new float[volumes];
        var positive = validation.Positive.ToArray();
        Span<double> loss = [0, 0];
        for (var volume = 0; volume < volumes; volume++)
        {
            var sum = 0.0;
            for (var slice = volume * validation.PerVolume; slice < (volume + 1) * validation.PerVolume; slice++)
            {
                var logit = answers.Logits[slice];
                sum += logit;
                loss[positive[volume] ? 1 : 0] += by == SliceLoss.CrossEntropy
                    ? CrossEntropy(positive[volume] ? -logit : logit) / validation.PerVolume
                    : Huber(logit - (double)answers.Labels[slice]) / validation.PerVolume;
            }

            scores[volume] = (float)(sum / validation.PerVolume);
        }

        var positives = positive.Count(label => label);
        return new(report.Step, report.Loss, RocCurve.Auc(scores, positive), 0.5 * ((loss[1] / positives) + (loss[0] / (volumes - positives))));
    }

    /// <summary>log(1 + eˣ), without overflow.</summary>
    private static double CrossEntropy(double against) => Math.Max(against, 0) + Math.Log(1 + Math.Exp(-Math.Abs(against)));

    private static double Huber(double difference) => Math.Abs(difference) <= 1 ? 0.5 * difference * difference : Math.Abs(difference) - 0.5;

    private static int Batches(ValidationSlices validation, SliceTrainingOptions options) =>
        ((validation.Positive.Count * validation.PerVolume) + options.BatchSize - 1) / options.BatchSize;

    private static void SetWeights(TrainableNetwork network, IReadOnlyDictionary<string, float[]> weights)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        foreach (var (name, into) in network.State())
        {
            into.copy_(tensor(weights[name], into.shape));
        }
    }
}
