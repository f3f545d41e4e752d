using System.ComponentModel.DataAnnotations;
using System.Runtime.InteropServices;
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
        SmallCnn network,
        ISliceSource source,
        SliceTrainingOptions options,
        Action<TrainingProgress>? progress = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(network);
        ArgumentNullException.ThrowIfNull(source);
        ArgumentNullException.ThrowIfNull(options);
        Validator.ValidateObject(options, new ValidationContext(options), validateAllProperties: true);
        var device = TorchDevice.Resolve(options.Device);
        try
        {
            // Before the scope: weights that move to another device are new tensors, and must outlive it.
            Prepare(network, device);
            using var scope = NewDisposeScope();
            network.train();
            using var optimizer = optim.AdamW(network.parameters(), options.LearningRate, weight_decay: options.WeightDecay);
            var pixels = NewBatch(network.Architecture, options);
            var labels = empty(options.BatchSize, network.Architecture.Classes);
            var positiveWeight = full([network.Architecture.Classes], options.PositiveWeight, device: device);
            var report = default(TrainingProgress);
            var (lossSum, lossCount) = (0.0, 0);
            for (var step = 0; step < options.Steps; step++)
            {
                cancellationToken.ThrowIfCancellationRequested();
                var rate = LearningRateAt(step, options);
                foreach (var group in optimizer.ParamGroups)
                {
                    group.LearningRate = rate;
                }

                source.Fill(step, Floats(pixels), Floats(labels));
                var loss = Step(network, optimizer, pixels, labels, positiveWeight, options);
                if (!double.IsFinite(loss))
                {
                    throw new EncoderException(
                        EncoderError.TrainingDiverged,
                        $"The loss became {loss} at step {step} of {options.Steps}: lower the learning rate, or look for NaN in the slices.");
                }

                (lossSum, lossCount) = (lossSum + loss, lossCount + 1);
                if ((step + 1) % options.ReportEvery == 0 || step + 1 == options.Steps)
                {
                    report = new TrainingProgress(step + 1, options.Steps, lossSum / lossCount, rate);
                    progress?.Invoke(report);
                    (lossSum, lossCount) = (0, 0);
                }
            }

            optimizer.zero_grad();
            return report;
        }
        finally
        {
            network.to(CPU);
            network.eval();
        }
    }

    /// <summary>AUC of each class over batches that the training did not see.</summary>
    /// <param name="network">On the CPU; left there.</param>
    /// <param name="batches">Batches 0 to this are asked of <paramref name="source"/>.</param>
    /// <exception cref="ArgumentException">A class has no positive, or no negative, among them.</exception>
    public static double[] Validate(SmallCnn network, ISliceSource source, int batches, SliceTrainingOptions options)
    {
        ArgumentNullException.ThrowIfNull(network);
        ArgumentNullException.ThrowIfNull(source);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentOutOfRangeException.ThrowIfLessThan(batches, 1);
        var device = TorchDevice.Resolve(options.Device);
        var classes = network.Architecture.Classes;
        var scores = new float[classes][];
        var positive = new bool[classes][];
        for (var k = 0; k < classes; k++)
        {
            (scores[k], positive[k]) = (new float[batches * options.BatchSize], new bool[batches * options.BatchSize]);
        }

        try
        {
            Prepare(network, device);
            using var noGrad = no_grad();
            using var scope = NewDisposeScope();
            network.eval();
            var pixels = NewBatch(network.Architecture, options);
            var labels = new float[options.BatchSize * classes];
            for (var batch = 0; batch < batches; batch++)
            {
                using var step = NewDisposeScope();
                source.Fill(batch, Floats(pixels), labels);
                var logits = Floats(network.call(pixels.to(device), options.PixelMm).cpu().contiguous());
                for (var i = 0; i < logits.Length; i++)
                {
                    var slice = (batch * options.BatchSize) + (i / classes);
                    (scores[i % classes][slice], positive[i % classes][slice]) = (logits[i], labels[i] > 0.5f);
                }
            }
        }
        finally
        {
            network.to(CPU);
        }

        return [.. scores.Select((column, k) => RocCurve.Auc(column, positive[k]))];
    }

    internal static double LearningRateAt(int step, SliceTrainingOptions options) => options.Schedule switch
    {
        LearningRateSchedule.Constant => options.LearningRate,
        LearningRateSchedule.Cosine => options.LearningRate * 0.5 * (1 + Math.Cos(Math.PI * step / options.Steps)),
        _ => throw new ArgumentOutOfRangeException(nameof(options), options.Schedule, "Unknown schedule."),
    };

    private static double Step(
        SmallCnn network, optim.Optimizer optimizer, Tensor pixels, Tensor labels, Tensor positiveWeight, SliceTrainingOptions options)
    {
        using var scope = NewDisposeScope();
        optimizer.zero_grad();
        var logits = network.call(pixels.to(positiveWeight.device), options.PixelMm);
        var loss = nn.functional.binary_cross_entropy_with_logits(logits, labels.to(positiveWeight.device), pos_weights: positiveWeight);
        loss.backward();
        if (options.GradientNorm > 0)
        {
            nn.utils.clip_grad_norm_(network.parameters(), options.GradientNorm);
        }

        optimizer.step();
        return loss.item<float>();
    }

    private static void Prepare(SmallCnn network, Device device)
    {
        network.to(device);
        if (device.type == DeviceType.CPU)
        {
            ChannelsLast.Apply(network);
        }
    }

    private static Tensor NewBatch(SmallCnnArchitecture architecture, SliceTrainingOptions options) =>
        zeros(options.BatchSize, architecture.InputChannels, options.SliceSize, options.SliceSize);

    private static Span<float> Floats(Tensor tensor) => MemoryMarshal.Cast<byte, float>(tensor.bytes);
}
