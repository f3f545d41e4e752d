using ToNNO.Encoders.Training;
using ToNNO.Tomography.Geometry;
using ToNNO.Tomography.Sampling;
using ToNNO.Tomography.Slicing;

namespace ToNNO.Tonno.Demo;

/// <summary>Slices of labelled crops: a fixed pool, from which each batch draws with replacement. A slice bears its crop's
/// label, whether it meets the tumour or not: that is all that a volume's label says.</summary>
internal sealed class CropSliceSource : ISliceSource
{
    /// <summary>Slices lie within this part of the crop's extent along their normal: at the rim they show next to nothing.</summary>
    private const double Reach = 0.9;

    private readonly int _seed;
    private readonly int _slicePixels;
    private readonly float[] _pixels;
    private readonly float[] _labels;

    public CropSliceSource(IReadOnlyList<LabelledVolume> crops, int slicesPerCrop, int size, double pixelMm, IntensityMap intensity, int seed)
    {
        (_seed, _slicePixels) = (seed, size * size);
        _pixels = new float[crops.Count * slicesPerCrop * _slicePixels];
        _labels = new float[crops.Count * slicesPerCrop];
        var random = new Random(seed);
        for (var slice = 0; slice < _labels.Length; slice++)
        {
            var crop = crops[slice / slicesPerCrop];
            _labels[slice] = crop.HasTumour ? 1 : 0;
            var frame = RandomFrame(random);
            var offsetMm = Reach * ((2 * random.NextDouble()) - 1) * HalfExtentMm(crop.Volume.Geometry, frame.N);
            SliceCutter.Cut(
                crop.Volume, frame, offsetMm, crop.Volume.Geometry.CentreMm, _pixels.AsSpan(slice * _slicePixels, _slicePixels), size, pixelMm, intensity);
        }
    }

    public int SliceCount => _labels.Length;

    public void Fill(int batch, Span<float> pixels, Span<float> labels)
    {
        var random = new Random(unchecked((_seed * 486187739) + batch));
        for (var slot = 0; slot < labels.Length; slot++)
        {
            var slice = random.Next(_labels.Length);
            labels[slot] = _labels[slice];
            _pixels.AsSpan(slice * _slicePixels, _slicePixels).CopyTo(pixels[(slot * _slicePixels)..]);
        }
    }

    /// <summary>A normal uniform on the sphere, the slice turned about it by any angle.</summary>
    private static SliceFrame RandomFrame(Random random)
    {
        var z = (2 * random.NextDouble()) - 1;
        var (sinPhi, cosPhi) = Math.SinCos(2 * Math.PI * random.NextDouble());
        var (sin, cos) = Math.SinCos(2 * Math.PI * random.NextDouble());
        var r = Math.Sqrt(1 - (z * z));
        var frame = SliceFrame.For(new Vector3D(r * cosPhi, r * sinPhi, z));
        return new((cos * frame.U) + (sin * frame.V), (cos * frame.V) - (sin * frame.U), frame.N);
    }

    /// <summary>Half the box's extent along a direction.</summary>
    private static double HalfExtentMm(VolumeGeometry geometry, Vector3D normal)
    {
        var (shape, affine) = (geometry.Shape, geometry.Affine);
        return 0.5 * ((shape.I * Math.Abs(normal.Dot(affine.I))) + (shape.J * Math.Abs(normal.Dot(affine.J))) + (shape.K * Math.Abs(normal.Dot(affine.K))));
    }
}
