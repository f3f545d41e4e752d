using static TorchSharp.torch;

namespace ToNNO.Encoders;

/// <summary>Class activation maps of a batch.</summary>
internal static class ClassActivationMap
{
    /// <param name="features">A, <c>[B, K, M, M]</c> float32.</param>
    /// <param name="gradient">∂y/∂A of each slice's own logit y, of the same shape and type.</param>
    /// <returns><c>[B, M, M]</c>.</returns>
    public static Tensor Of(CamKind kind, Tensor features, Tensor gradient)
    {
        using var scope = NewDisposeScope();
        var weights = kind switch
        {
            CamKind.GradCam => gradient.mean([2, 3], keepdim: true),
            CamKind.LayerCam => gradient.relu(),
            _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, "Choose GradCAM or LayerCAM."),
        };
        return features.mul(weights).sum(1).relu().MoveToOuterDisposeScope();
    }
}
