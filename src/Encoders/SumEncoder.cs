using System.Diagnostics;
using System.Runtime.Intrinsics;
using System.Security.Cryptography;
using System.Text;
using ToNNO.Tomography.Geometry;
using ToNNO.Tomography.Lifting;

namespace ToNNO.Encoders;

/// <summary>The oracle <c>builtin:sum</c>: a slice's logit is its plane integral, the sum of its pixels times the pixel area.</summary>
/// <remarks>With α = 2 the heatmap is then the volume itself, in the volume's own unit (DESIGN §4).</remarks>
public sealed class SumEncoder : ICamEncoder
{
    public const string ModelName = "builtin:sum";

    /// <summary>The one layer for maps, the slice itself.</summary>
    public const string PixelLayer = "pixels";

    private static readonly EncoderCard _card = new()
    {
        Name = ModelName,
        // There are no weights: what decides the logits is the rule, so the rule's name and version are hashed.
        Sha256 = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(ModelName + " v1"))),
        Classes = ["sum"],
        Intensities = [IntensityMap.Identity],
        Alpha = 2,
    };

    public EncoderCard Card => _card;

    public string Device => "cpu";

    public IReadOnlyList<string> CamLayers { get; } = [PixelLayer];

    public void Encode(ReadOnlySpan<float> slices, int count, SliceFormat format, Span<float> logits)
    {
        EncodeArguments.Check(_card, slices, count, format, logits);
        var start = Stopwatch.GetTimestamp();
        var pixels = format.Size * format.Size;
        var areaMm2 = format.PixelMm * format.PixelMm;
        for (var i = 0; i < count; i++)
        {
            logits[i] = (float)(areaMm2 * Sum(slices.Slice(i * pixels, pixels)));
        }

        EncodeArguments.CheckFinite(logits, classes: 1, firstSlice: 0, _card);
        EncoderTelemetry.Encoded(count, Stopwatch.GetElapsedTime(start), Device);
    }

    public MapGrid CamGrid(SliceFormat format, string layer)
    {
        this.ResolveCamLayer(layer);
        return MapGrid.OverSlice(format.Size * format.PixelMm, format.Size);
    }

    /// <inheritdoc/>
    /// <remarks>The features are the pixels x and the gradient is the pixel area q² everywhere, so either map is relu(q²x): its sum is
    /// the logit where no pixel is negative.</remarks>
    public void EncodeCam(ReadOnlySpan<float> slices, int count, SliceFormat format, CamRequest request, Span<float> logits, Span<float> maps)
    {
        ArgumentNullException.ThrowIfNull(request);
        EncodeArguments.CheckCam(_card, count, request, CamGrid(format, request.Layer).Edge, maps);
        Encode(slices, count, format, logits);
        var areaMm2 = format.PixelMm * format.PixelMm;
        for (var i = 0; i < maps.Length; i++)
        {
            maps[i] = (float)Math.Max(areaMm2 * slices[i % slices.Length], 0);
        }

        EncodeArguments.CheckFinite(maps, format.Size * format.Size, firstSlice: 0, request, classIndex: 0, _card);
    }

    public void Dispose()
    {
    }

    /// <summary>Sums in double, in an order fixed by the code and not by the width of the machine's vectors: same bytes everywhere.</summary>
    private static double Sum(ReadOnlySpan<float> pixels)
    {
        var (low, high) = (Vector256<double>.Zero, Vector256<double>.Zero);
        while (pixels.Length >= Vector256<float>.Count)
        {
            var (a, b) = Vector256.Widen(Vector256.Create(pixels));
            low += a;
            high += b;
            pixels = pixels[Vector256<float>.Count..];
        }

        var sum = 0.0;
        foreach (var pixel in pixels)
        {
            sum += pixel;
        }

        for (var lane = 0; lane < Vector256<double>.Count; lane++)
        {
            sum += low[lane] + high[lane];
        }

        return sum;
    }
}
