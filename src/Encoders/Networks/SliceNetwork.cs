using static TorchSharp.torch;

namespace ToNNO.Encoders.Networks;

/// <summary>A 2D network: slices <c>[B, C, S, S]</c> and their pixel size in mm to logits <c>[B, K]</c>.</summary>
/// <remarks>The forward pass must only read the weights and must not mix the slices of a batch.</remarks>
public abstract class SliceNetwork : nn.Module<Tensor, double, Tensor>
{
    protected SliceNetwork(string name)
        : base(name)
    {
    }
}
