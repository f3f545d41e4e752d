using ToNNO.Cohort;
using ToNNO.Tests.Support;
using ToNNO.Tonno.Evaluation;
using ToNNO.Tonno.Training;

namespace ToNNO.Tonno.Tests.Cohort;

public sealed class SyntheticCohortTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Make_SameSeed_SameVolume()
    {
        var (one, other) = (SyntheticVolume.Make(7, hasLesions: true), SyntheticVolume.Make(7, hasLesions: true));
        Assert.Equal(one.Image, other.Image);
        Assert.Equal(one.Mask, other.Mask);
        Assert.NotEqual(one.Image, SyntheticVolume.Make(8, hasLesions: true).Image);
    }

    /// <summary>With and without lesions a patient is the same but where they are and as far as blur reaches: nothing else can give the label away.</summary>
    [Fact]
    public void Make_WithLesions_DiffersNearThemAlone()
    {
        var (ill, well) = (SyntheticVolume.Make(3, hasLesions: true), SyntheticVolume.Make(3, hasLesions: false));
        Assert.Equal(0, well.Lesions);
        Assert.DoesNotContain((byte)1, well.Mask);
        var shape = SyntheticVolume.Geometry.Shape;
        var reach = 4; // voxels: the soft edge and the blur's taps
        for (var at = 0; at < ill.Image.Length; at++)
        {
            if (ill.Image[at] != well.Image[at])
            {
                var (i, j, k) = (at % shape.I, at / shape.I % shape.J, at / (shape.I * shape.J));
                Assert.True(
                    IsNear(i, j, k) || Math.Abs(ill.Image[at] - well.Image[at]) < 0.02,
                    $"voxel {i}, {j}, {k} differs by {ill.Image[at] - well.Image[at]}");
            }
        }

        bool IsNear(int i, int j, int k)
        {
            for (var dk = -reach; dk <= reach; dk++)
            {
                for (var dj = -reach; dj <= reach; dj++)
                {
                    for (var di = -reach; di <= reach; di++)
                    {
                        var (x, y, z) = (i + di, j + dj, k + dk);
                        if (x >= 0 && y >= 0 && z >= 0 && x < shape.I && y < shape.J && z < shape.K && ill.Mask[x + (shape.I * (y + (shape.J * z)))] != 0)
                        {
                            return true;
                        }
                    }
                }
            }

            return false;
        }
    }

    [Fact]
    public void Make_ManySeeds_OneToTenLesionsOfVariedSize()
    {
        var volumes = Enumerable.Range(0, 40).AsParallel().Select(seed => SyntheticVolume.Make(seed, hasLesions: true)).ToList();
        Assert.All(volumes, volume => Assert.InRange(volume.Lesions, 1, 10));
        Assert.True(volumes.Select(volume => volume.Lesions).Distinct().Count() >= 7);
        Assert.All(volumes, volume =>
        {
            var found = Lesions.Components(volume.Mask, SyntheticVolume.Geometry.Shape).Sizes.Count;
            Assert.InRange(found, 1, volume.Lesions); // knobs may touch
        });
        var voxels = volumes.Select(volume => volume.Mask.Count(voxel => voxel != 0)).ToList();
        Assert.True(voxels.Max() > 10 * voxels.Min());
    }

    /// <summary>What is written is what training and evaluation take; no mask is there that training might find.</summary>
    [Fact]
    public void Write_Cohort_LabelsAndReferencesAreRead()
    {
        SyntheticCohort.Write(_folder["cohort"], new CohortSizes(Training: 4, Validation: 4, Test: 2), seed: 1);
        var cohort = LabelSheet.Read(_folder["cohort/labels.csv"], null, null, 0);
        Assert.Equal((4, 4), (cohort.Training.Count, cohort.Validation.Count));
        Assert.Equal(2, cohort.Training.Count(file => file.IsPositive));
        var references = ReferenceSheet.Read(_folder["cohort/references.csv"], null);
        Assert.Equal((2, 2), (references.Cases.Count(one => one.IsValidation), references.Cases.Count(one => !one.IsValidation)));
        Assert.Empty(cohort.Training.Select(file => file.Patient).Intersect(references.Cases.Select(one => one.Patient)));
        Assert.Equal(4, Directory.GetFiles(_folder["cohort/masks"]).Length);
        Assert.Equal(10, Directory.GetFiles(_folder["cohort/images"]).Length);
    }
}
