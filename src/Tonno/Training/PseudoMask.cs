using ToNNO.Contracts;
using ToNNO.Encoders;
using ToNNO.SliceActors;
using ToNNO.SliceActors.Encoding;
using ToNNO.Tomography.Backprojection;
using ToNNO.Tomography.Filtering;
using ToNNO.Tomography.Geometry;
using ToNNO.Tomography.Sampling;

namespace ToNNO.Tonno.Training;

/// <summary>What an encoder's heatmap of a volume takes for lesions: the next round of training learns the area that slices cut of it.</summary>
internal static class PseudoMask
{
    /// <summary>Few: the mask is coarse, and so are its errors (docs/adr/0010).</summary>
    public const int Directions = 48;

    public const double ShareOfPeak = 0.5;

    private const double Alpha = 0.5;

    /// <param name="intensity">Resolved for this volume.</param>
    /// <returns>1 in the mask, 0 elsewhere, on the volume's grid or one of about the slices' pixels where that is coarser.</returns>
    /// <exception cref="EncoderException">The encoder failed.</exception>
    public static Volume Of(Volume volume, IntensityMap intensity, ISliceEncoder encoder, TrainingGrid grid, CancellationToken cancel)
    {
        var task = new VolumeTask
        {
            RunId = new RunId("training"),
            VolumeId = new VolumeId("training"),
            SourceUris = [""],
            SourceSha256 = "",
            Geometry = volume.Geometry,
            Settings = new RunSettings
            {
                Model = "",
                ModelSha256 = "",
                Set = DirectionSetKind.Rings,
                Directions = Directions,
                SpacingMm = grid.PixelMm,
                PixelMm = grid.PixelMm,
                Size = encoder.Card.SliceSize,
                Alpha = Alpha,
                Window = FilterWindow.Hann,
                Intensities = [intensity],
            },
            LeaseDirections = Directions,
            SlabCount = 1,
        };
        var plan = task.Plan();
        var rows = new LeaseEncoder(new SliceOptions().BatchPixels)
            .Encode(task, [volume], new DirectionRange(0, plan.Directions.Count), null, encoder, TimeSpan.Zero, cancel).Rows;
        var coarse = Coarsened(volume.Geometry, grid.PixelMm);
        var filter = ProfileFilter.Create(Alpha, FilterWindow.Hann, plan.SpacingMm, plan.OffsetCount);
        var heatmap = Backprojector.Reconstruct(rows.Logits, rows.BlankLogits[0], coarse, plan, filter);
        var mask = new byte[heatmap.Length];
        HeatmapMask.Write(heatmap, ShareOfPeak * heatmap.Max(), mask);
        return new Volume(coarse, VolumeSamples.FromInt16(Array.ConvertAll(mask, inside => (short)inside), 1, 0));
    }

    /// <summary>A grid over the same box whose voxels are no finer than asked, where the volume's own are not coarser.</summary>
    public static VolumeGeometry Coarsened(VolumeGeometry geometry, double voxelMm)
    {
        var (shape, affine) = (geometry.Shape, geometry.Affine);
        static (int Count, Vector3D Step) Axis(int count, Vector3D step, double voxelMm)
        {
            var fewer = Math.Clamp((int)(count * step.Length / voxelMm), 2, Math.Max(2, count));
            return (fewer, (double)count / fewer * step);
        }

        var (i, stepI) = Axis(shape.I, affine.I, voxelMm);
        var (j, stepJ) = Axis(shape.J, affine.J, voxelMm);
        var (k, stepK) = Axis(shape.K, affine.K, voxelMm);
        var corner = affine.ToWorld(-0.5, -0.5, -0.5);
        return new VolumeGeometry(new VolumeShape(i, j, k), new AffineTransform(stepI, stepJ, stepK, corner + (0.5 * (stepI + stepJ + stepK))));
    }
}
