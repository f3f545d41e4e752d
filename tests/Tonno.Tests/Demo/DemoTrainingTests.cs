using System.Runtime.InteropServices;
using ToNNO.Encoders;
using ToNNO.Encoders.Networks;
using ToNNO.Encoders.Training;
using ToNNO.Tonno.Commands;
using ToNNO.Tonno.Demo;

namespace ToNNO.Tonno.Tests.Demo;

public sealed class DemoTrainingTests : IDisposable
{
    private static readonly string _pet = Path.Combine(SampleFolder.Root, "samples", "pet");

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("tonno-demo-training");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public void Train_MasksAndTestCasesAbsent_SameWeights()
    {
        // Only training images and crops.csv are here: whatever training opened besides would be missed.
        Copy("crops.csv");
        foreach (var id in SampleCases.TrainingIds)
        {
            Copy($"images/{id}.nii.gz");
        }

        var bare = Train(_folder.FullName, out var loss);
        Assert.Equal(Train(_pet, out _), bare);
        Assert.True(loss < 0.6, $"Loss {loss}: guessing is .693.");
    }

    [Fact]
    public void Choose_TestCasesAbsent_IsMade()
    {
        foreach (var id in SampleCases.TrainingIds)
        {
            Copy($"images/{id}.nii.gz");
            Copy($"masks/{id}.nii.gz");
        }

        var samples = new SampleCases(_folder.FullName);
        var cases = SampleCases.TrainingIds.Select(id => OffCentreCase.Load(samples, id, 11)).ToList();
        using var sum = new SumEncoder();
        var settings = SettingsResolution.Resolve(
            "", sum.Card with { PixelMm = 12, SpacingMm = 8, Window = "hann" }, new MethodOptions { Directions = 24 });
        var chosen = Calibration.Choose(cases, sum, settings, cancel: TestContext.Current.CancellationToken);

        // The sum of SUV finds the tumour too, if less well; the ball finds it hardly.
        Assert.InRange(chosen.MeanDice, 0.4, 0.9);
        Assert.InRange(chosen.SuvMeanDice, 0.6, 0.9);
        Assert.InRange(chosen.BlobMeanDice, 0.05, 0.4);
        Assert.InRange(chosen.ThresholdOfPeak, 0.05, 0.95);
    }

    [Fact]
    public void BestMean_Scores_TakesTheBestOnAverage()
    {
        Assert.Equal((1, 0.6), Calibration.BestMean([[0.9, 0.5, 0.1], [0.1, 0.7, 0.9]]));
        Assert.Equal((0, 0.5), Calibration.BestMean([[0.5, 0.5]]));
    }

    [Fact]
    public void HighestAmongEquals_Scores_TakesTheLastThatIsAsGood()
    {
        Assert.Equal(2, Calibration.HighestAmongEquals([0.70, 0.75, 0.745, 0.73], 0.01));
        Assert.Equal(0, Calibration.HighestAmongEquals([0.8, 0.75, 0.745, 0.73], 0.01));
    }

    [Fact]
    public void Fill_Batches_DependOnTheirNumberAlone()
    {
        var crops = LabelledVolume.Load(new SampleCases(_pet), [.. TrainingCrop.Parse(File.ReadAllText(Path.Combine(_pet, "crops.csv"))).Take(4)]);
        ISliceSource Source() => new CropSliceSource(crops, 3, 16, 6, DemoTraining.Intensity, seed: 5);
        (float[] Pixels, float[] Labels) Batch(ISliceSource source, int number)
        {
            var (pixels, labels) = (new float[8 * 256], new float[8]);
            source.Fill(number, pixels, labels);
            return (pixels, labels);
        }

        var first = Source();
        Batch(first, 0);
        var (pixels, labels) = Batch(first, 1);
        var again = Batch(Source(), 1);
        Assert.Equal(again.Pixels, pixels);
        Assert.Equal(again.Labels, labels);
        Assert.NotEqual(Batch(first, 2).Pixels, pixels);
        Assert.All(pixels, pixel => Assert.InRange(pixel, 0, 1));
    }

    private static float[] Train(string folder, out double loss)
    {
        var samples = new SampleCases(folder);
        var crops = LabelledVolume.Load(samples, TrainingCrop.Parse(File.ReadAllText(samples.CropsPath)));
        var trained = DemoTraining.Train(crops, seed: 0, cancel: TestContext.Current.CancellationToken);
        using var network = trained.Network;
        loss = trained.Loss;
        return Weights(network);
    }

    private static float[] Weights(SmallCnn network) =>
        [.. network.named_parameters().SelectMany(pair => MemoryMarshal.Cast<byte, float>(pair.parameter.detach().contiguous().bytes).ToArray())];

    private void Copy(string relative)
    {
        var target = Path.Combine(_folder.FullName, relative);
        Directory.CreateDirectory(Path.GetDirectoryName(target)!);
        File.Copy(Path.Combine(_pet, relative), target);
    }
}
