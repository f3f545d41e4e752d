namespace ToNNO.Encoders.Training;

/// <summary>How well a network does at a step of its training.</summary>
/// <param name="TrainingLoss">Mean over the steps since the last report.</param>
/// <param name="Auc">Of the validation volumes, each by the mean logit of its slices.</param>
/// <param name="Loss">Cross-entropy of the validation slices against their volumes' labels; both classes count alike.</param>
public sealed record TrainingEvaluation(int Step, double TrainingLoss, double Auc, double Loss)
{
    /// <summary>A higher AUC, or where it is the same, as with few volumes it often is, a lower loss.</summary>
    public bool IsBetterThan(TrainingEvaluation? other) => other is null || Auc > other.Auc || (Auc == other.Auc && Loss < other.Loss);
}
