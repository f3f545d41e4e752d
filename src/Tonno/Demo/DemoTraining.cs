using ToNNO.Encoders.Networks;
using ToNNO.Encoders.Training;
using ToNNO.Tomography.Geometry;
using ToNNO.Tonno.Commands;
using TorchSharp;

namespace ToNNO.Tonno.Demo;

/// <summary>Trains the demonstration's encoder from crops and their yes or no.</summary>
internal static class DemoTraining
{
    public const int SlicesPerCrop = 10;
    public const double PixelMm = 6;
    public const int SliceSize = 48;

    /// <summary>A mean loss over the last third of the training above this is no better than guessing (ln 2 = .693): small
    /// networks of rectifiers sometimes die at the start, and are then trained again from another seed. Labels decide it, nothing else.</summary>
    private const double GuessingLoss = 0.65;

    private const int MaximumTries = 10;

    /// <summary>SUV from 0 to 6; air outside.</summary>
    public static IntensityMap Intensity { get; } = new(0, 6, 0);

    /// <summary>Three layers, and evidence that is summed over the slice, so that the logit grows with the area of the tumour
    /// and the slice's size does not matter. The area unit makes it ten times the mean over a slice of the training.</summary>
    public static SmallCnnArchitecture Architecture { get; } = new()
    {
        Layers = [new ConvLayer { Channels = 8 }, new ConvLayer { Channels = 8 }, new ConvLayer { Channels = 8 }],
        Pooling = PixelPooling.Sum,
        AreaUnitMm2 = SliceSize * SliceSize * PixelMm * PixelMm / 10,
    };

    public static SliceTrainingOptions Options { get; } = new()
    {
        BatchSize = 32,
        SliceSize = SliceSize,
        PixelMm = PixelMm,
        Steps = 150,
        LearningRate = 1e-2,
        Schedule = LearningRateSchedule.Cosine,
        WeightDecay = 1e-3,
        GradientNorm = 0,
        ReportEvery = 50,
        Device = "cpu", // the same weights with and without a GPU
    };

    /// <summary>Trains a network; the same crops and seed give the same weights.</summary>
    /// <param name="progress">Told the try, from 0, and where it stands.</param>
    /// <exception cref="CommandException">No try learned anything.</exception>
    public static TrainedEncoder Train(
        IReadOnlyList<LabelledVolume> crops, int seed, Action<int, TrainingProgress>? progress = null, CancellationToken cancel = default)
    {
        torch.set_num_threads(1); // the order of sums is part of what fixes weights
        for (var attempt = 0; attempt < MaximumTries; attempt++)
        {
            var source = new CropSliceSource(crops, SlicesPerCrop, SliceSize, PixelMm, Intensity, seed + attempt);
            var network = new SmallCnn(Architecture, seed + attempt);
            try
            {
                var last = SliceTrainer.Train(network, source, Options, report => progress?.Invoke(attempt, report), cancel);
                if (last.Loss <= GuessingLoss)
                {
                    return new TrainedEncoder(network, seed + attempt, attempt, source.SliceCount, last.Loss);
                }
            }
            catch
            {
                network.Dispose();
                throw;
            }

            network.Dispose();
        }

        throw new CommandException(
            ExitCodes.NothingDone, "demo.training_failed", $"None of {MaximumTries} trainings learned to tell crops with tumour from crops without.");
    }
}

/// <param name="Seed">Of the try that learned.</param>
/// <param name="Restarts">Tries before it that did not.</param>
/// <param name="Loss">Mean over the last third of the steps.</param>
internal sealed record TrainedEncoder(SmallCnn Network, int Seed, int Restarts, int Slices, double Loss);
