using ToNNO.Encoders;
using ToNNO.Encoders.Networks;
using ToNNO.Encoders.Training;
using ToNNO.Tomography.Geometry;
using ToNNO.Tonno.Training;

namespace ToNNO.Bench;

/// <summary>An encoder from crops and their yes or no.</summary>
internal sealed record RealTraining(IReadOnlyList<ConvLayer> Layers, int SliceSize, double PixelMm, int Steps, double LearningRate)
{
    /// <param name="patients">Those to learn from.</param>
    public TorchSliceEncoder Train(IReadOnlyList<RealPatient> patients, int seed)
    {
        var architecture = new SmallCnnArchitecture
        {
            Layers = Layers,
            Pooling = PixelPooling.Sum,
            AreaUnitMm2 = SliceSize * SliceSize * PixelMm * PixelMm / 10, // as tonno train has it
        };
        var options = new SliceTrainingOptions
        {
            SliceSize = SliceSize,
            PixelMm = PixelMm,
            Steps = Steps,
            LearningRate = LearningRate,
            WeightDecay = 1e-3,
            ReportEvery = Steps,
            Device = "cpu",
        };
        var network = new SmallCnn(architecture, seed);
        SliceTrainer.Train(network, new Slices(patients, SliceSize, PixelMm, seed), options);
        var card = new EncoderCard { Name = "bench", Sha256 = "", Classes = ["tumour"], Intensities = [IntensityMap.Identity] };
        return new TorchSliceEncoder(network, card, "cpu");
    }

    /// <summary>As <see cref="TrainingSlices"/> draws them: every other slice from a crop with tumour, each patient alike.</summary>
    private sealed class Slices(IReadOnlyList<RealPatient> patients, int size, double pixelMm, int seed) : ISliceSource
    {
        private readonly RealPatient[] _patients = [.. patients.Where(patient => patient.Crops.Count > 0)];

        public void Fill(int batch, Span<float> pixels, Span<float> labels)
        {
            var random = RandomSlice.Seeded(seed, batch);
            for (var slot = 0; slot < labels.Length; slot++)
            {
                var isPositive = (slot & 1) == 0;
                var patient = _patients[random.Next(_patients.Length)];
                var crops = patient.Crops.Where(crop => crop.HasTumour == isPositive).ToArray();
                labels[slot] = isPositive ? 1 : 0;
                var intensity = TrainingSlices.Vary(patient.Intensity, random);
                RandomSlice.Cut(crops[random.Next(crops.Length)].Volume, random, pixels.Slice(slot * size * size, size * size), size, pixelMm, intensity);
            }
        }
    }
}
