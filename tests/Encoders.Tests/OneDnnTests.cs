using static TorchSharp.torch;

namespace ToNNO.Encoders.Tests;

/// <summary>What libtorch computes on the processor that the tests run on.</summary>
public sealed class OneDnnTests
{
    private const int Amd1 = 0x68747541, Amd2 = 0x69746E65, Amd3 = 0x444D4163;

    private const int Intel1 = 0x756E6547, Intel2 = 0x49656E69, Intel3 = 0x6C65746E;

    [Theory]
    [InlineData(Amd1, Amd2, Amd3, 0x80000028, 0x121, true)] // a Zen that tells of an L1 data cache
    [InlineData(Amd1, Amd2, Amd3, 0x80000028, 0x0, false)] // the same where the hypervisor hides it
    [InlineData(Amd1, Amd2, Amd3, 0x8000001A, 0x0, true)] // older than the leaf: asked at 80000005h
    [InlineData(Intel1, Intel2, Intel3, 0x80000028, 0x0, true)] // asked at leaf 4, and guessed at without
    public void KnowsCaches_ByVendorAndLeaf(int first, int second, int third, uint last, int cache, bool knows) =>
        Assert.Equal(knows, OneDnn.KnowsCaches((leaf, _) => (uint)leaf switch
        {
            0 => (0x10, first, third, second),
            0x80000000 => ((int)last, 0, 0, 0),
            0x8000001D => (cache, 0, 0, 0),
            _ => throw new ArgumentOutOfRangeException(nameof(leaf)),
        }));

    /// <summary>Shapes whose channels fill oneDNN's blocks and such that do not, of both layouts in memory: a convolution and its gradients
    /// are held against sums of shifted products, which no convolution's code has a part in.</summary>
    [Fact]
    public void Conv2d_AnyShape_IsSumOfShiftedProducts()
    {
        TorchLibrary.Require();
        var random = new Random(1);
        int Any(params int[] values) => values[random.Next(values.Length)];
        for (var round = 0; round < 150; round++)
        {
            using var scope = NewDisposeScope();
            var (inputs, outputs) = (Any(1, 3, 8, 16, 17, 48, 64, 128), Any(1, 3, 8, 16, 17, 64, 128, 256));
            var (kernel, stride, padding, batch) = (Any(1, 2, 3, 4, 5, 7), Any(1, 2, 3), Any(0, 1), Any(1, 2, 7));
            var shape = $"{batch} x {inputs} to {outputs}, kernel {kernel}, stride {stride}, padding {padding}";
            var slices = randn(batch, inputs, random.Next(7, 24), random.Next(7, 24));
            var input = (random.Next(2) == 0 ? slices : slices.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2)).requires_grad_(true);
            var weight = randn(outputs, inputs, kernel, kernel).div(Math.Sqrt(inputs * kernel * kernel)).requires_grad_(true);

            var map = nn.functional.conv2d(input, weight, strides: [stride, stride], padding: [padding, padding]);
            var direct = SumOfShifts(input, weight, stride, padding);
            AssertClose(direct, map, shape);

            var sent = randn(map.shape);
            var ofDirect = autograd.grad([direct], [input, weight], [sent]);
            var ofMap = autograd.grad([map], [input, weight], [sent]);
            AssertClose(ofDirect[0], ofMap[0], $"input's gradient, {shape}");
            AssertClose(ofDirect[1], ofMap[1], $"weights' gradient, {shape}");
        }
    }

    private static Tensor SumOfShifts(Tensor input, Tensor weight, int stride, int padding)
    {
        var padded = nn.functional.pad(input, [padding, padding, padding, padding]);
        var kernel = weight.shape[2];
        long Length(int axis) => (padded.shape[axis] - kernel) / stride + 1;
        var (rows, columns) = (Length(2), Length(3));
        var sum = zeros(input.shape[0], weight.shape[0], rows, columns);
        for (var y = 0L; y < kernel; y++)
        {
            for (var x = 0L; x < kernel; x++)
            {
                var shifted = padded[.., .., TensorIndex.Slice(y, y + (rows - 1) * stride + 1, stride), TensorIndex.Slice(x, x + (columns - 1) * stride + 1, stride)];
                sum = sum + einsum("bihw,oi->bohw", shifted, weight[.., .., (int)y, (int)x]);
            }
        }

        return sum;
    }

    /// <summary>Float32 sums of at most some 12,000 products in another order.</summary>
    private static void AssertClose(Tensor expected, Tensor actual, string what)
    {
        var scale = expected.abs().max().item<float>();
        var difference = (expected - actual).abs().max().item<float>();
        Assert.True(difference <= 1e-4 * scale, $"{what}: {difference} beside {scale}");
    }
}
