using ToNNO.Encoders;
using ToNNO.Encoders.Networks;
using ToNNO.Tomography.Filtering;
using ToNNO.Tomography.Geometry;
using ToNNO.Tonno.Commands;

namespace ToNNO.Bench;

/// <summary>The whole of <c>tonno run</c> on a GPU: ResNet-18 over a 256³ volume, whose slices are cut on the device, at 128² and 224².</summary>
/// <remarks>Absolute times hold on a GPU. The encoder's busy share counts cutting on the device as its work. Where there is no CUDA
/// device it says so and measures nothing, so that it can run unattended.</remarks>
internal static class DeviceBench
{
    private const string Device = "cuda:0";

    public static object Measure(string[] arguments)
    {
        try
        {
            TorchDevice.Resolve(Device);
        }
        catch (EncoderException absent) when (absent.Error == EncoderError.DeviceUnavailable)
        {
            return new { measured = false, reason = absent.Message };
        }

        using var folder = new BenchFolder();
        var shape = new VolumeShape(256, 256, 256);
        BenchVolume.Write(folder["volume.nii"], shape, BenchVolume.Texture(shape));
        BenchModel.Save(folder["fp32"], EncoderPrecision.Fp32);
        BenchModel.Save(folder["bf16"], EncoderPrecision.Bf16);
        object Run(string model, int size)
        {
            var method = new MethodOptions
            {
                Directions = arguments is [var directions] ? int.Parse(directions, System.Globalization.CultureInfo.InvariantCulture) : 200,
                SpacingMm = 2,
                PixelMm = 448.0 / size,
                Size = size,
                Alpha = 1,
                Window = FilterWindow.Hann,
            };
            _ = BenchRun.Of(folder["volume.nii"], folder[model], folder.New(), method with { Directions = 16 }, Device); // kernels are chosen, memory is got
            var run = BenchRun.Of(folder["volume.nii"], folder[model], folder.New(), method, Device);
            var (seconds, slices) = (run.Result.Seconds, run.Result.Slices);
            return new
            {
                device = run.Result.Software.Device,
                slices_encoded = slices.Encoded,
                total_s = seconds.Total,
                encode_s = seconds.Encode,
                backproject_s = seconds.Backproject,
                publish_s = seconds.Publish,
                slices_per_s = slices.Encoded / seconds.Encode,
                busy_until_published = seconds.Encode / (seconds.Total - seconds.Publish),
            };
        }

        return new
        {
            measured = true,
            fp32_128 = Run("fp32", 128),
            fp32_224 = Run("fp32", 224),
            bf16_224 = Run("bf16", 224),
        };
    }
}
