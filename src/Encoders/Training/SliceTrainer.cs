using System.ComponentModel.DataAnnotations;
using ToNNO.Encoders.Networks;
using TorchSharp;
using static TorchSharp.torch;

namespace ToNNO.Encoders.Training;

/// <summary>Trains a network to say whether a slice shows a class, from labels per slice.</summary>
/// <remarks>On the CPU with one thread the same network, source and options give the same weights, bit by bit: the network's
/// seed decides its start, the step number the batch, and nothing else is random.</remarks>
public static class SliceTrainer
{
    /// <param name="network">Trained in place; on the CPU again afterwards, also after a cancellation.</param>
    /// <param name="progress">Called every <see cref="SliceTrainingOptions.ReportEvery"/> steps and after the last.</param>
    /// <returns>The last report.</returns>
    /// <exception cref="ValidationException">An option is out of its range.</exception>
    /// <exception cref="EncoderException">The device is absent, or the loss is no longer finite.</exception>
    public static TrainingProgress Train(
        TrainableNetwork network,
        ISliceSource source,
        SliceTrainingOptions options,
        Action<TrainingProgress>? progress = null,
        CancellationToken cancellationToken = default)
    {
        using var session = new SliceTrainingSession(network, source, options);
        return session.Advance(options.Steps, progress, cancellationToken);
    }

    /// <summary>AUC of each class over batches that the training did not see.</summary>
    /// <param name="network">On the CPU; left there.</param>
    /// <param name="batches">Batches 0 to this are asked of <paramref name="source"/>.</param>
    /// <exception cref="ArgumentException">A class has no positive, or no negative, among them.</exception>
    public static double[] Validate(TrainableNetwork network, ISliceSource source, int batches, SliceTrainingOptions options)
    {
        ArgumentNullException.ThrowIfNull(network);
        ArgumentNullException.ThrowIfNull(source);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentOutOfRangeException.ThrowIfLessThan(batches, 1);
        var device = TorchDevice.Resolve(options.Device);
        var (classes, slices) = (network.Architecture.Classes, batches * options.BatchSize);
        var (logits, labels) = (new float[slices * classes], new float[slices * classes]);
        try
        {
            SliceTrainingSession.Prepare(network, device);
            SliceTrainingSession.Evaluate(network, device, source, batches, options, logits, labels);
        }
        finally
        {
            network.to(CPU);
        }

        float[] Column(float[] values, int k) => [.. Enumerable.Range(0, slices).Select(slice => values[(slice * classes) + k])];
        return [.. Enumerable.Range(0, classes).Select(k => RocCurve.Auc(Column(logits, k), Array.ConvertAll(Column(labels, k), label => label > 0.5f)))];
    }

    internal static double LearningRateAt(int step, SliceTrainingOptions options) => options.Schedule switch
    {
        LearningRateSchedule.Constant => options.LearningRate,
        LearningRateSchedule.Cosine => options.LearningRate * 0.5 * (1 + Math.Cos(Math.PI * step / options.Steps)),
        _ => throw new ArgumentOutOfRangeException(nameof(options), options.Schedule, "Unknown schedule."),
    };
}
