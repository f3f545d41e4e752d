using TorchSharp;
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

    /// <summary>Makes the network ready to encode on a device, and only that.</summary>
    internal virtual void Prepare(Device device)
    {
        this.to(device);
        eval();
        if (device.type == DeviceType.CPU)
        {
            ChannelsLast.Apply(this);
        }
    }
}
