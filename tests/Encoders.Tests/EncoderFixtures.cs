using System.Text.Json.Nodes;
using ToNNO.Encoders.Models;
using ToNNO.Encoders.Networks;
using ToNNO.Encoders.Training;
using ToNNO.Tomography.Geometry;
using static TorchSharp.torch;

namespace ToNNO.Encoders.Tests;

internal static class EncoderFixtures
{
    public static SmallCnnArchitecture Architecture(int channels = 1, int classes = 1, PixelPooling pooling = PixelPooling.Sum) => new()
    {
        InputChannels = channels,
        Classes = classes,
        Layers = [new ConvLayer { Channels = 8 }, new ConvLayer { Channels = 8, Dilation = 2 }],
        Pooling = pooling,
    };

    public static EncoderCard Card(SmallCnnArchitecture architecture) => new()
    {
        Name = "test",
        Sha256 = "",
        Classes = [.. Enumerable.Range(0, architecture.Classes).Select(k => $"class {k}")],
        Intensities = [.. Enumerable.Repeat(IntensityMap.Identity, architecture.InputChannels)],
    };

    public static ModelMetadata Metadata(SmallCnnArchitecture architecture) => new()
    {
        Name = "blobs",
        Version = "1.0.0",
        Task = "Says whether a slice shows a bright blob",
        Description = "For tests",
        Classes = [.. Enumerable.Range(0, architecture.Classes).Select(k => $"class {k}")],
        Architecture = architecture,
        SliceSize = 24,
        PixelMm = 2.5,
        SpacingMm = 2,
        Intensities = [.. Enumerable.Repeat(new IntensityMap(-100, 300, -1024), architecture.InputChannels)],
        Alpha = 1.5,
        Window = "hann",
        Threshold = new HeatmapThreshold(0.4, OfPeak: true),
        Training = new JsonObject { ["seed"] = 7, ["note"] = "Müller → ok" },
    };

    public static float[] Pixels(int seed, int count)
    {
        var random = new Random(seed);
        var pixels = new float[count];
        foreach (ref var pixel in pixels.AsSpan())
        {
            pixel = random.NextSingle() - 0.5f;
        }

        return pixels;
    }

    public static float[] Encode(ISliceEncoder encoder, ReadOnlySpan<float> slices, int count, int size, double pixelMm = 1)
    {
        var logits = new float[count * encoder.Card.Classes.Count];
        encoder.Encode(slices, count, new SliceFormat(size, pixelMm), logits);
        return logits;
    }

    /// <summary>Fails unless the work leaves as many live tensors as it found.</summary>
    /// <param name="networks">Networks that the work makes. TorchSharp 0.107 never takes back one count per Parameter, since
    /// nn.Parameter(tensor) takes the tensor's handle over and both count as made; SmallCnnTests shows that no memory stays.</param>
    public static void NoTensorStays(Action work, int networks = 0)
    {
        // Torch keeps a few tensors of its own from the first use on.
        work();
        var before = SettledTensorCount();
        work();
        // Two convolutions and the head with a weight and a bias each, and the bias per class.
        Assert.Equal(before + (7 * networks), Tensor.TotalCount);
    }

    /// <summary>The live tensors, once what other tests left to the collector is gone: it would go in the middle of counting. To be asked
    /// before the work that is watched, never after it.</summary>
    public static long SettledTensorCount()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        return Tensor.TotalCount;
    }

    /// <summary>Noise, and in half of the slices a bright blob of 2 to 4 pixels radius.</summary>
    public sealed class BlobSource(int seed, int size) : ISliceSource
    {
        public void Fill(int batch, Span<float> pixels, Span<float> labels)
        {
            var random = new Random(HashCodeOf(seed, batch));
            for (var slice = 0; slice < labels.Length; slice++)
            {
                labels[slice] = random.Next(2);
                var (x, y, radius) = (random.Next(5, size - 5), random.Next(5, size - 5), 2 + (2 * random.NextDouble()));
                for (var i = 0; i < size * size; i++)
                {
                    var inside = Math.Pow((i % size) - x, 2) + Math.Pow((i / size) - y, 2) < radius * radius;
                    pixels[(slice * size * size) + i] = (0.3f * random.NextSingle()) + (labels[slice] > 0 && inside ? 0.7f : 0);
                }
            }
        }

        // HashCode.Combine differs from process to process.
        private static int HashCodeOf(int seed, int batch) => unchecked((seed * 486187739) + batch);
    }

    public sealed class TemporaryFolder : IDisposable
    {
        public string Path { get; } = Directory.CreateTempSubdirectory("tonno-encoders-").FullName;

        public string this[string name] => System.IO.Path.Combine(Path, name);

        public void Dispose() => Directory.Delete(Path, recursive: true);
    }

    /// <summary>Does work many times over in four threads at once, while garbage is collected all the time.</summary>
    /// <remarks>Numbers that became torch scalars on the way were once freed during the call that read them; what one thread frees, another
    /// fills with something else.</remarks>
    public static async Task WhileCollectingAsync(int times, Action work)
    {
        using var stopping = new CancellationTokenSource();
        var collecting = Task.Run(
            () =>
            {
                while (!stopping.IsCancellationRequested)
                {
                    GC.Collect(0);
                    GC.WaitForPendingFinalizers();
                }
            },
            TestContext.Current.CancellationToken);
        Parallel.For(0, 4, _ =>
        {
            for (var i = 0; i < times; i++)
            {
                work();
            }
        });
        await stopping.CancelAsync();
        await collecting;
    }
}
