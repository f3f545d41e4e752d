using ToNNO.Encoders.Models;
using ToNNO.Encoders.Networks;
using ToNNO.Tests.Support;
using ToNNO.Tomography.Geometry;

namespace ToNNO.Cluster.Tests;

/// <summary>A model folder with a small network of random weights.</summary>
internal static class SmallModel
{
    public static string Save(string folder)
    {
        var architecture = new SmallCnnArchitecture { Layers = [new ConvLayer { Channels = 4 }], Pooling = PixelPooling.Mean };
        using var network = new SmallCnn(architecture, seed: 1);
        ModelFolder.Save(
            folder,
            new ModelMetadata
            {
                Version = "1.0.0",
                Task = "Nothing",
                Description = "For tests",
                Classes = ["lesion"],
                Architecture = architecture,
                PixelMm = 2,
                SpacingMm = 4,
                Intensities = [new IntensityMap(0, 2, 0)],
                Alpha = 1,
            },
            network);
        return folder;
    }

    /// <summary>A model folder whose program ends the process where a pixel is 1: where an intensity is a million or more.</summary>
    public static string SaveFatal(string folder)
    {
        Save(folder);
        ModelMetadata metadata;
        using (var sound = ModelFolder.Load(folder))
        {
            metadata = sound.Metadata;
        }

        File.Delete(Path.Combine(folder, ModelFolder.WeightsFile));
        File.Copy(Path.Combine(AppContext.BaseDirectory, "fatal.ts"), Path.Combine(folder, ModelFolder.ProgramFile));
        File.WriteAllBytes(
            Path.Combine(folder, ModelFolder.MetadataFile),
            MetadataJson.Write(metadata with { Architecture = new TorchScriptArchitecture(1, 1), Intensities = [new IntensityMap(0, 1e6f, 0)] }));
        return folder;
    }

    /// <summary>A volume that <see cref="SaveFatal"/>'s model does not survive.</summary>
    public static byte[] FatalVolume() => new NiftiBytes
    {
        Shape = new(24, 24, 24),
        Intensity = (i, j, k) => i is > 8 and < 16 && j is > 8 and < 16 && k is > 8 and < 16 ? 1e9f : 1,
    }.Plain();
}
