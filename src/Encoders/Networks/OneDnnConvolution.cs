using System.Globalization;
using System.IO.Compression;
using System.Text;
using static TorchSharp.torch;

namespace ToNNO.Encoders.Networks;

/// <summary>A convolution on the CPU that oneDNN computes in one pass with its bias, its addition and its relu, from weights
/// that are in oneDNN's own layout once and for all.</summary>
/// <remarks>
/// By torch's plain operators the weights are brought into that layout in every call, which for the 11 million of a ResNet-18
/// takes as long as several slices, and relu and addition are passes of their own over the activations: together a third of
/// the time (docs/benchmarks.md). The fused operators are those of torch's own inductor. TorchSharp does not bind them; TorchScript
/// reaches them, so the calls are a small program, loaded like any exported model.
/// </remarks>
internal sealed class OneDnnConvolution : Convolution
{
    private readonly jit.ScriptModule _program;
    private readonly Tensor _weight;
    private readonly Tensor _bias;
    private readonly Lazy<PlainConvolution> _differentiable;

    /// <param name="weight">On the CPU, float32 or bfloat16; not kept.</param>
    /// <param name="bias">Becomes this object's.</param>
    public OneDnnConvolution(Tensor weight, Tensor bias, int stride, int padding)
    {
        _program = jit.load<Tensor>(Archive(Source(stride, padding)));
        _bias = bias;
        using var scope = NewDisposeScope();
        // The layout is chosen for a typical input; other sizes get it too and were measured to be none the slower.
        using var typical = empty(8, weight.shape[1], 32, 32, dtype: weight.dtype);
        _weight = ((Tensor)_program.invoke("pack", ChannelsLast.Of(weight), typical)).MoveToOuterDisposeScope();
        _weight.DetachFromDisposeScope();
        // Torch has no derivatives for the fused operators, nor for weights in oneDNN's layout.
        _differentiable = new(() =>
        {
            using var noGrad = no_grad();
            using var scope = NewDisposeScope();
            var plain = ChannelsLast.Of(_weight.to_dense().to(float32));
            return new PlainConvolution(plain.DetachFromDisposeScope(), _bias.to(float32).clone().DetachFromDisposeScope(), stride, padding);
        });
    }

    public override Tensor Forward(Tensor input) => (Tensor)_program.invoke("plain", input, _weight, _bias);

    public override Tensor ForwardRelu(Tensor input) => (Tensor)_program.invoke("relu", input, _weight, _bias);

    public override Tensor ForwardAddRelu(Tensor input, Tensor residual) =>
        (Tensor)_program.invoke("add_relu", input, residual, _weight, _bias);

    public override Tensor ForwardDifferentiable(Tensor input) => _differentiable.Value.ForwardDifferentiable(input);

    public override void Dispose()
    {
        if (_differentiable.IsValueCreated)
        {
            _differentiable.Value.Dispose();
        }

        _weight.Dispose();
        _bias.Dispose();
        _program.Dispose();
    }

    private static string Source(int stride, int padding)
    {
        var geometry = string.Create(CultureInfo.InvariantCulture, $"[{padding}, {padding}], [{stride}, {stride}], [1, 1], 1");
        const string None = "annotate(List[Optional[number]], []), \"\"";
        return $"""
            class Convolution(Module):
              __parameters__ = []
              __buffers__ = []
              training : bool
              def pack(self: __torch__.Convolution, weight: Tensor, input: Tensor) -> Tensor:
                return ops.mkldnn._reorder_convolution_weight(weight, {geometry}, torch.size(input))
              def plain(self: __torch__.Convolution, input: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
                return ops.mkldnn._convolution_pointwise(input, weight, bias, {geometry}, "none", {None})
              def relu(self: __torch__.Convolution, input: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
                return ops.mkldnn._convolution_pointwise(input, weight, bias, {geometry}, "relu", {None})
              def add_relu(self: __torch__.Convolution, input: Tensor, residual: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
                return ops.mkldnn._convolution_pointwise_(residual, input, weight, bias, {geometry}, "add", 1.0, "relu", {None})

            """;
    }

    /// <summary>A TorchScript file of one module without weights: a zip of the program, the pickled module, and no constants.</summary>
    private static byte[] Archive(string source)
    {
        using var file = new MemoryStream();
        using (var zip = new ZipArchive(file, ZipArchiveMode.Create, leaveOpen: true))
        {
            void Add(string name, ReadOnlySpan<byte> content)
            {
                using var entry = zip.CreateEntry($"archive/{name}", CompressionLevel.NoCompression).Open();
                entry.Write(content);
            }

            // Pickle protocol 2: the class by its name, made without arguments, its state {"training": False}.
            ReadOnlySpan<byte> module =
                [0x80, 2, .. "c__torch__\nConvolution\n"u8, (byte)')', 0x81, (byte)'}', (byte)'X', 8, 0, 0, 0, .. "training"u8, 0x89, .. "sb."u8];
            Add("data.pkl", module);
            Add("code/__torch__.py", Encoding.ASCII.GetBytes(source));
            Add("constants.pkl", [0x80, 2, .. ")."u8]);
            Add("version", "3\n"u8);
        }

        return file.ToArray();
    }
}
