using TorchSharp;
using static TorchSharp.torch;

namespace ToNNO.Encoders.Networks;

/// <summary>A 2D network: slices <c>[B, C, S, S]</c> and their pixel size in mm to logits <c>[B, K]</c>.</summary>
/// <remarks>The forward pass must only read the weights and must not mix the slices of a batch.</remarks>
public abstract class SliceNetwork : nn.Module<Tensor, double, Tensor>
{
    /// <exception cref="EncoderException">libtorch is not there, or would compute wrongly.</exception>
    protected SliceNetwork(string name)
        : base(name) => TorchLibrary.Require();

    /// <summary>The numbers that it computes with.</summary>
    internal virtual EncoderPrecision Precision => EncoderPrecision.Fp32;

    /// <summary>The layers whose features can be had, the last first.</summary>
    internal virtual IReadOnlyList<string> CamLayers => [];

    /// <summary>Pixels from one feature of a layer to the next, and the pixel on which the first is centred; null where that is not known.</summary>
    internal virtual (double Stride, double First)? CamCells(string layer) => null;

    /// <summary>The forward pass, with the features of a layer on the way.</summary>
    /// <param name="slices">Slices <c>[B, C, S, S]</c>.</param>
    /// <param name="layer">One of <see cref="CamLayers"/>.</param>
    /// <returns>The features <c>[B, K, M, M]</c>, and the logits that <c>forward</c> gives, bit for bit.</returns>
    internal virtual (Tensor Features, Tensor Logits) ForwardWithFeatures(Tensor slices, double pixelMm, string layer) => throw NoLayers();

    /// <summary>The rest of the forward pass from a layer on, by operators that have derivatives.</summary>
    /// <param name="features">As <see cref="ForwardWithFeatures"/> gives them.</param>
    /// <returns>Logits <c>[B, K]</c>, up to rounding those of <c>forward</c>.</returns>
    internal virtual Tensor Head(Tensor features, double pixelMm, string layer) => throw NoLayers();

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

    private InvalidOperationException NoLayers() => new($"{GetName()} has no layers to make maps of.");
}
