using ToNNO.Encoders;
using ToNNO.Encoders.Networks;
using ToNNO.Tomography.Geometry;
using static TorchSharp.torch;

namespace ToNNO.Bench;

/// <summary>Resident memory and live tensors over ten thousand batches.</summary>
internal static class EncodersMemory
{
    private const int Batches = 10_000;
    private const int Every = 1_000;
    private const int First = 100;
    private const int Count = 16;

    /// <param name="builtin">A model folder of a built-in ResNet.</param>
    /// <param name="program">One of a TorchScript program, or null.</param>
    public static object Measure(string builtin, string? program) => new
    {
        batches = Batches,
        slices_a_batch = Count,
        small_cnn_32 = Measure(SmallNetwork(), 32, maps: false),
        small_cnn_32_maps = Measure(SmallNetwork(), 32, maps: true),
        resnet18_16 = Measure((TorchSliceEncoder)EncoderFactory.Open(builtin, "cpu"), 16, maps: false),
        resnet18_torchscript_16 = program is null ? null : Measure((TorchSliceEncoder)EncoderFactory.Open(program, "cpu"), 16, maps: false),
    };

    private static TorchSliceEncoder SmallNetwork() => new(
        new SmallCnn(new SmallCnnArchitecture { Layers = [.. Enumerable.Range(0, 3).Select(_ => new ConvLayer { Channels = 8 })] }),
        new EncoderCard { Name = "bench", Sha256 = "", Classes = ["class"], Intensities = [IntensityMap.Identity] },
        "cpu");

    private static object Measure(TorchSliceEncoder encoder, int size, bool maps)
    {
        using var owned = encoder;
        var format = new SliceFormat(size, 1);
        var (slices, logits) = (new float[Count * size * size], new float[Count]);
        slices.AsSpan().Fill(0.5f);
        var request = maps ? new CamRequest(CamKind.GradCam, encoder.CamLayers[0], [0]) : null;
        var map = request is null ? [] : new float[Count * encoder.CamGrid(format, request.Layer).CellCount];
        var seen = new List<(int Batch, double ResidentMb, long Tensors)>();
        for (var batch = 1; batch <= Batches; batch++)
        {
            if (request is null)
            {
                encoder.Encode(slices, Count, format, logits);
            }
            else
            {
                encoder.EncodeCam(slices, Count, format, request, logits, map);
            }

            if (batch == First || batch % Every == 0)
            {
                seen.Add((batch, Environment.WorkingSet / 1048576.0, Tensor.TotalCount));
            }
        }

        return new
        {
            at = seen.Select(row => row.Batch),
            resident_mb = seen.Select(row => Math.Round(row.ResidentMb, 1)),
            tensors = seen.Select(row => row.Tensors),
            grown_mb_since_first = Math.Round(seen[^1].ResidentMb - seen[0].ResidentMb, 1),
        };
    }
}
