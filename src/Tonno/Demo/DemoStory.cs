using System.Globalization;
using ToNNO.Encoders;

namespace ToNNO.Tonno.Demo;

/// <summary>What is said about a demonstration, on its page and in the terminal.</summary>
/// <param name="SuvMeanDice">Of the test volumes, by intensity alone.</param>
internal sealed record DemoStory(
    TrainedEncoder Trained, Calibration Calibration, EncoderCard Card, int Crops, int Directions, double SpacingMm, DemoMeans Means, double SuvMeanDice)
{
    public const string Title = "ToNNO: where is it, learned from yes and no";

    /// <summary>What these numbers do not show.</summary>
    public string Caveat => Invariant(
        $"How easy is this? In these PET scans bright mostly means tumour: calling tumour whatever is above SUV {Calibration.Suv} (chosen on the same training patients) has a mean Dice of {SuvMeanDice:F2} here, against {Means.Dice:F2}. The demo shows the way from yes and no to a place in 3D; it does not show a subtle detector, and {Means.Cases} volumes are few.");

    public IReadOnlyList<string> Introduction =>
    [
        Invariant($"The volumes are PET scans of soft-tissue sarcomas. {Crops} small crops (35 to 60 mm a side) of {SampleCases.TrainingIds.Count} patients, half of them with tumour, were learned from; the {Means.Cases} patients on this page took no part in that, nor in any choice that the program makes."),
        Invariant($"The sample images are cropped around the tumour, where a ball at the centre would score well without looking. These volumes were therefore cut anew, at random and with a fixed seed: the whole tumour is in them, but off centre. The ball now scores {Means.CentreBlobDice:F2}."),
        Caveat,
    ];

    public IReadOnlyList<DemoFact> EncoderFacts =>
    [
        new("Network", "three 3×3 convolutions of 8 channels, evidence summed over the slice"),
        new("Learned from", Invariant($"{Trained.Slices} slices of {Crops} crops, each with its crop's yes or no")),
        new("Training", Invariant($"{DemoTraining.Options.Steps} steps of {DemoTraining.Options.BatchSize} slices, seed {Trained.Seed}{(Trained.Restarts == 0 ? "" : $" (after {Trained.Restarts} that learned nothing)")}")),
        new("Loss at the end", Invariant($"{Trained.Loss:F2}; guessing is 0.69")),
        new("Slices", Invariant($"{DemoTraining.PixelMm} mm pixels, SUV {DemoTraining.Intensity.Low} to {DemoTraining.Intensity.High}")),
        new("Model", $"SHA-256 {Card.Sha256[..16]}…"),
    ];

    public IReadOnlyList<DemoFact> Settings =>
    [
        new("Directions", Invariant($"{Directions}, Gauss-Legendre rings")),
        new("Slice spacing", Invariant($"{SpacingMm} mm")),
        new("Filter", Invariant($"|ω|^{Calibration.Alpha} under a Hann window; |ω|^2 would be the exact inverse")),
        new("Threshold", Invariant($"{100 * Calibration.ThresholdOfPeak:F1} % of each heatmap's own peak")),
        new("Both chosen on", Invariant($"the {SampleCases.TrainingIds.Count} training patients, with their outlines; mean Dice there {Calibration.MeanDice:F2}")),
        new("Ball at the centre", Invariant($"radius {Calibration.BlobRadiusMm} mm, chosen on the same")),
    ];

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
