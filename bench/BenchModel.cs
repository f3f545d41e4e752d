using ToNNO.Encoders;
using ToNNO.Encoders.Models;
using ToNNO.Encoders.Networks;
using ToNNO.Tomography.Geometry;
using static TorchSharp.torch;

namespace ToNNO.Bench;

/// <summary>Models of random weights, the same every time.</summary>
internal static class BenchModel
{
    public const double PixelMm = 1.75;

    /// <summary>Writes a ResNet-18 as a model folder.</summary>
    public static void Save(string path, EncoderPrecision precision)
    {
        using var scope = NewDisposeScope();
        var architecture = new ResNetArchitecture(18);
        var random = new Generator(1);
        Tensor Uniform(long[] shape, double low, double high) => rand(shape, generator: random) * (high - low) + low;
        var state = architecture.StateShapes().ToDictionary(entry => entry.Key, entry => (entry.Key.Split('.')[^1], entry.Value) switch
        {
            ("weight", { Length: 4 } shape) => randn(shape, generator: random) * Math.Sqrt(2.0 / (shape[0] * shape[2] * shape[3])),
            ("weight", { Length: 2 } shape) => randn(shape, generator: random) / Math.Sqrt(shape[1]),
            ("weight", var shape) => Uniform(shape, 0.5, 1),
            ("running_var", var shape) => Uniform(shape, 0.5, 1.5),
            (_, var shape) => Uniform(shape, -0.1, 0.1),
        });
        ModelFolder.Save(path, Metadata(architecture, precision), state);
    }

    public static ModelMetadata Metadata(ISliceArchitecture architecture, EncoderPrecision precision) => new()
    {
        Version = "1",
        Task = "Nothing",
        Description = "Random weights",
        Classes = ["none"],
        Architecture = architecture,
        Precision = precision,
        PixelMm = PixelMm,
        Intensities = [new IntensityMap(0, 1, 0)],
    };

    /// <summary>Writes a model folder of a TorchScript program, which it takes along.</summary>
    public static void SaveProgram(string path, string program)
    {
        Directory.CreateDirectory(path);
        File.Move(program, Path.Combine(path, ModelFolder.ProgramFile));
        File.WriteAllBytes(Path.Combine(path, ModelFolder.MetadataFile), MetadataJson.Write(Metadata(new TorchScriptArchitecture(1, 1), EncoderPrecision.Fp32)));
    }

    /// <summary>Whether a model can be opened here; said aloud where this processor lacks its numbers.</summary>
    public static bool Opens(string model)
    {
        try
        {
            EncoderFactory.Open(model, "cpu").Dispose();
            return true;
        }
        catch (EncoderException refused) when (refused.Error == EncoderError.DeviceUnavailable)
        {
            Console.Error.WriteLine($"bench.no_bf16: {refused.Message}");
            return false;
        }
    }
}
