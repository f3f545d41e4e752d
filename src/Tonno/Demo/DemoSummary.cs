namespace ToNNO.Tonno.Demo;

/// <summary><c>summary.json</c>: the demonstration's numbers, for programs.</summary>
/// <param name="Seed">Of the training.</param>
/// <param name="SuvThresholdMeanDice">Of the control that calls tumour what is brighter than <see cref="Calibration.Suv"/>.</param>
/// <param name="Seconds">From start to end.</param>
internal sealed record DemoSummary(
    string ModelSha256,
    int Seed,
    int Restarts,
    double Loss,
    IReadOnlyList<string> TrainingCases,
    Calibration Calibration,
    IReadOnlyList<DemoSummary.CaseLine> Cases,
    double MeanDice,
    double MeanOwnBestDice,
    double CentreBlobMeanDice,
    double SuvThresholdMeanDice,
    int PeaksInTumour,
    double Seconds)
{
    public sealed record CaseLine(
        string Case, double Dice, double OwnBestDice, double CentreBlobDice, double SuvThresholdDice, bool PeakInTumour, double Seconds);
}
