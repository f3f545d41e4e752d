namespace ToNNO.Encoders.Training;

/// <summary>Where a training stands.</summary>
/// <param name="Step">Steps done.</param>
/// <param name="Loss">Mean loss since the last report.</param>
public readonly record struct TrainingProgress(int Step, int Steps, double Loss, double LearningRate);
