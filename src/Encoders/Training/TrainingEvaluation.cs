namespace ToNNO.Encoders.Training;

/// <summary>How well a network does at a step of its training.</summary>
/// <param name="TrainingLoss">Mean over the steps since the last report.</param>
/// <param name="Auc">Of the validation volumes, each by the mean logit of its slices.</param>
/// <param name="Loss">Of the validation slices, by the loss that is learned by, against their volumes' labels or their own amounts; both
/// classes of volumes count alike.</param>
public sealed record TrainingEvaluation(int Step, double TrainingLoss, double Auc, double Loss)
{
    /// <summary>A higher AUC, or where it is the same, as with few volumes it often is, a lower loss.</summary>
    /// <remarks>Of amounts the loss alone decides: any that are right tell volumes apart, and not only those.</remarks>
    public bool IsBetterThan(TrainingEvaluation? other, SliceLoss by) => other is null
        || (by == SliceLoss.CrossEntropy && Auc > other.Auc)
        || ((by != SliceLoss.CrossEntropy || Auc == other.Auc) && Loss < other.Loss);
}
