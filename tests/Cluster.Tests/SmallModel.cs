using ToNNO.Encoders.Models;
using ToNNO.Encoders.Networks;
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
}
