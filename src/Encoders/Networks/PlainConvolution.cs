using TorchSharp;
using static TorchSharp.torch;

namespace ToNNO.Encoders.Networks;

/// <summary>A convolution by torch's own operator, on any device.</summary>
/// <param name="weight">On the device; becomes this object's, as does <paramref name="bias"/>.</param>
internal sealed class PlainConvolution(Tensor weight, Tensor bias, int stride, int padding) : Convolution
{
    private static readonly Scalar _one = 1.ToScalar();

    public override Tensor Forward(Tensor input) =>
        nn.functional.conv2d(input, weight, bias, strides: [stride, stride], padding: [padding, padding]);

    public override Tensor ForwardRelu(Tensor input) => Forward(input).relu_();

    public override Tensor ForwardAddRelu(Tensor input, Tensor residual) => Forward(input).add_(residual, _one).relu_();

    public override Tensor ForwardDifferentiable(Tensor input) =>
        nn.functional.conv2d(input, weight.to(float32), bias.to(float32), strides: [stride, stride], padding: [padding, padding]);

    public override void Dispose()
    {
        weight.Dispose();
        bias.Dispose();
    }
}
