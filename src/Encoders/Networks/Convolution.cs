using static TorchSharp.torch;

namespace ToNNO.Encoders.Networks;

/// <summary>A convolution with a bias, ready on its device.</summary>
internal abstract class Convolution : IDisposable
{
    public abstract Tensor Forward(Tensor input);

    /// <summary>relu(convolution(input)).</summary>
    public abstract Tensor ForwardRelu(Tensor input);

    /// <summary>relu(convolution(input) + residual).</summary>
    /// <param name="residual">Overwritten: the result may be this very tensor.</param>
    public abstract Tensor ForwardAddRelu(Tensor input, Tensor residual);

    /// <summary>convolution(input) in float32, by operators that have derivatives in the input.</summary>
    public abstract Tensor ForwardDifferentiable(Tensor input);

    public abstract void Dispose();
}
