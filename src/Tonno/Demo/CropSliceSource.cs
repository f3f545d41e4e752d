using ToNNO.Encoders.Training;
using ToNNO.Tomography.Geometry;
using ToNNO.Tonno.Training;

namespace ToNNO.Tonno.Demo;

/// <summary>Slices of labelled crops: a fixed pool, from which each batch draws with replacement. A slice bears its crop's
/// label, whether it meets the tumour or not: that is all that a volume's label says.</summary>
internal sealed class CropSliceSource : ISliceSource
{
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
            RandomSlice.Cut(crop.Volume, random, _pixels.AsSpan(slice * _slicePixels, _slicePixels), size, pixelMm, intensity);
        }
    }

    public int SliceCount => _labels.Length;

    public void Fill(int batch, Span<float> pixels, Span<float> labels)
    {
        var random = RandomSlice.Seeded(_seed, batch);
        for (var slot = 0; slot < labels.Length; slot++)
        {
            var slice = random.Next(_labels.Length);
            labels[slot] = _labels[slice];
            _pixels.AsSpan(slice * _slicePixels, _slicePixels).CopyTo(pixels[(slot * _slicePixels)..]);
        }
    }
}
