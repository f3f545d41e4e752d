using CsCheck;
using ToNNO.Imaging.Nifti;
using ToNNO.Tomography.Geometry;

namespace ToNNO.Imaging.Tests.Nifti;

public sealed class NiftiGeometryTests
{
    private static readonly Gen<double> Unit = Gen.Double[-1, 1];

    private static readonly Gen<Vector3D> Direction = Gen.Select(Unit, Unit, Unit, (x, y, z) => new Vector3D(x, y, z))
        .Where(v => v.Length is > 0.1 and <= 1)
        .Select(v => v.Normalized());

    [Fact]
    public void Geometry_QFormOnly_IsTheRotationOfItsQuaternion() =>
        Gen.Select(Direction, Gen.Double[0, Math.PI], Gen.Double[0.3, 6], Gen.Bool, Gen.Int[1, 2]).Sample((axis, turn, spacing, mirrored, version) =>
        {
            var half = Math.Sin(turn / 2);
            var header = new NiftiFile
            {
                Version = version,
                SFormCode = 0,
                QFormCode = 1,
                Quaternion = [half * axis.X, half * axis.Y, half * axis.Z],
                QOffset = [-40.5, 12.25, 77.75],
                PixDim = [mirrored ? -1 : 1, spacing, 2 * spacing, 3 * spacing, 0, 0, 0, 0],
            }.ReadHeader();
            var affine = header.Geometry.Affine;
            var tolerance = QFormError(turn) * spacing;
            Near(spacing * Rodrigues(new(1, 0, 0), axis, turn), affine.I, tolerance);
            Near(2 * spacing * Rodrigues(new(0, 1, 0), axis, turn), affine.J, tolerance);
            Near((mirrored ? -3 : 3) * spacing * Rodrigues(new(0, 0, 1), axis, turn), affine.K, tolerance);
            Near(new(-40.5, 12.25, 77.75), affine.Origin, 0);
            Assert.Equal(mirrored, affine.Determinant < 0);
        });

    [Fact]
    public void Geometry_BothFormsDisagree_SFormWins()
    {
        var file = new NiftiFile
        {
            QFormCode = 1,
            QOffset = [5, 6, 7],
            PixDim = [1, 9, 9, 9, 0, 0, 0, 0],
            SFormCode = 2,
            SForm = [0, 2, 0, 10, 0, 0, 3, 20, 4, 0, 0, 30],
        };
        Assert.Equal(new(new(0, 0, 4), new(2, 0, 0), new(0, 3, 0), new(10, 20, 30)), file.ReadHeader().Geometry.Affine);
    }

    [Theory]
    [InlineData(0, 3, 5, 5)]
    [InlineData(0, 0, 9, 0)]
    [InlineData(4, 1, 1, 0)]
    [InlineData(-1, 1, 5, 5)]
    public void Geometry_CodesDecideTheForm(int sformCode, int qformCode, double stepI, double originI)
    {
        // The sform says steps of 1 mm from 0; the qform and the voxel sizes share pixdim, but only the qform starts at 5.
        var file = new NiftiFile
        {
            SFormCode = sformCode,
            QFormCode = qformCode,
            QOffset = [5, 5, 5],
            PixDim = [0, stepI == 1 ? 7 : stepI, 2, 2, 0, 0, 0, 0],
        };
        var affine = file.ReadHeader().Geometry.Affine;
        Assert.Equal((stepI, originI), (affine.I.X, affine.Origin.X));
    }

    [Theory]
    [InlineData(0, 1)]
    [InlineData(1, 1000)]
    [InlineData(2, 1)]
    [InlineData(3, 0.001)]
    [InlineData(8 + 3, 0.001)]
    public void Geometry_Units_ScaledToMm(int units, double mm)
    {
        foreach (var file in new[]
        {
            new NiftiFile { Units = units, SForm = [2, 0, 0, 10, 0, 2, 0, 20, 0, 0, 2, 30] },
            new NiftiFile { Units = units, SFormCode = 0, QFormCode = 1, PixDim = [1, 2, 2, 2, 0, 0, 0, 0], QOffset = [10, 20, 30] },
        })
        {
            var affine = file.ReadHeader().Geometry.Affine;
            Near(new(2 * mm, 0, 0), affine.I, 1e-12 * mm);
            Near(new(10 * mm, 20 * mm, 30 * mm), affine.Origin, 1e-9 * mm);
        }
    }

    [Fact]
    public void Create_EveryAxisOrderAndSign_QFormEqualsSForm()
    {
        Vector3D[] axes = [new(1, 0, 0), new(0, 1, 0), new(0, 0, 1)];
        var count = 0;
        foreach (var order in new[] { (0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0) })
        {
            for (var signs = 0; signs < 8; signs++, count++)
            {
                var affine = new AffineTransform(
                    Sign(0, 0.75) * axes[order.Item1], Sign(1, 1.5) * axes[order.Item2], Sign(2, 3) * axes[order.Item3], new(-7, 8, 9));
                var header = NiftiHeader.Create(new(new(4, 3, 2), affine));
                Assert.Equal(affine, header.Geometry.Affine);
                Assert.Equal((1, 1), (header.QForm.Code, header.SForm.Code));
                SameFromQForm(header, affine, 1e-6);

                double Sign(int bit, double spacing) => (signs >> bit & 1) == 0 ? spacing : -spacing;
            }
        }

        Assert.Equal(48, count);
    }

    [Fact]
    public void Create_ObliqueOrthogonal_QFormEqualsSForm() =>
        Gen.Select(Direction, Gen.Double[0, Math.PI], Gen.Bool).Sample((axis, turn, mirrored) =>
        {
            var affine = new AffineTransform(
                1.5 * Rodrigues(new(1, 0, 0), axis, turn),
                0.5 * Rodrigues(new(0, 1, 0), axis, turn),
                (mirrored ? -2 : 2) * Rodrigues(new(0, 0, 1), axis, turn),
                new(-100, 50, 3));
            var header = NiftiHeader.Create(new(new(4, 3, 2), affine));
            Near(affine.I, header.Geometry.Affine.I, 1e-6);
            Near(affine.Origin, header.Geometry.Affine.Origin, 1e-5);
            Assert.Equal(1, header.QForm.Code);
            SameFromQForm(header, affine, QFormError(turn));
        });

    /// <summary>Of a turn that is stored in float32, over a voxel: a = √(1 − b² − c² − d²) turns their 6e-8 into 6e-8/a, and near a half turn into its root.</summary>
    private static double QFormError(double turn) => Math.Min(3e-3, 3e-6 / Math.Abs(Math.Cos(turn / 2)));

    [Fact]
    public void Create_Sheared_HasNoQForm()
    {
        var header = NiftiHeader.Create(new(new(4, 3, 2), new(new(1, 0, 0), new(0.2, 1, 0), new(0, 0, 1), default)));
        Assert.Equal((0, 1), (header.QForm.Code, header.SForm.Code));
    }

    [Fact]
    public void Create_LongAxis_IsNifti2() =>
        Assert.Equal(2, NiftiHeader.Create(new(new(40_000, 2, 2), AffineTransform.Scaling(1, 1, 1))).Version);

    [Theory]
    [InlineData(1, 0)]
    [InlineData(0, 1)]
    [InlineData(1, 1)]
    [InlineData(0, 0)]
    public void Crop_AnyForms_PartLiesWhereItDid(int sformCode, int qformCode)
    {
        foreach (var units in new[] { 2, 3 })
        {
            var header = new NiftiFile
            {
                Dim = [4, 20, 21, 22, 1],
                Units = units,
                SFormCode = sformCode,
                SForm = [0, -2, 0.5, 10, 1, 0, 0.25, 20, 0, 0.125, 3, 30],
                QFormCode = qformCode,
                Quaternion = [0.5, -0.5, 0.5],
                QOffset = [-1, -2, -3],
                PixDim = [-1, 2, 3, 4, 0, 0, 0, 0],
            }.ReadHeader();
            var part = header.Crop(5, 6, 7, new(10, 9, 8));
            Assert.Equal((4, new(10, 9, 8)), (part.Rank, part.Shape));
            Assert.Equal(header.Geometry.Affine.I, part.Geometry.Affine.I);
            Assert.Equal(header.Geometry.Affine.K, part.Geometry.Affine.K);
            Near(header.Geometry.Affine.ToWorld(7, 9, 11), part.Geometry.Affine.ToWorld(2, 3, 4), 1e-5);
            // Both forms move, not only the one in use.
            Assert.Equal(sformCode > 0, part.SForm.X.Offset != header.SForm.X.Offset && header.SForm.Code > 0);
            Assert.Equal(qformCode > 0, part.QForm.Offset != header.QForm.Offset);
            Assert.Equal(qformCode, part.QForm.Code);
            header.RequireSameGrid(header.Crop(0, 0, 0, header.Shape), "all");
        }
    }

    [Fact]
    public void Crop_Outside_Throws()
    {
        var header = new NiftiFile().ReadHeader();
        Assert.Throws<ArgumentOutOfRangeException>(() => header.Crop(1, 0, 0, new(4, 3, 2)));
        Assert.Throws<ArgumentOutOfRangeException>(() => header.Crop(-1, 0, 0, new(4, 3, 2)));
        Assert.Throws<ArgumentOutOfRangeException>(() => header.Crop(0, 0, 1, new(4, 3, 1)));
    }

    private static void SameFromQForm(NiftiHeader header, AffineTransform affine, double tolerance)
    {
        using var stream = new MemoryStream();
        using (var writer = NiftiWriter.ForMask(stream, header))
        {
            writer.Append(new byte[header.Shape.VoxelCount]);
            writer.Complete();
        }

        var bytes = stream.ToArray();
        (bytes[254], bytes[255]) = (0, 0);
        var read = NiftiFile.ReadBytes(bytes).Header;
        Assert.Equal(0, read.SForm.Code);
        Near(affine.I, read.Geometry.Affine.I, tolerance);
        Near(affine.J, read.Geometry.Affine.J, tolerance);
        Near(affine.K, read.Geometry.Affine.K, tolerance);
        Near(affine.Origin, read.Geometry.Affine.Origin, 1e-5);
    }

    private static Vector3D Rodrigues(Vector3D v, Vector3D axis, double turn) =>
        (Math.Cos(turn) * v) + (Math.Sin(turn) * axis.Cross(v)) + ((1 - Math.Cos(turn)) * axis.Dot(v) * axis);

    private static void Near(Vector3D expected, Vector3D actual, double tolerance) =>
        Assert.True((expected - actual).Length <= tolerance, $"{actual} is not {expected} ± {tolerance}");
}
