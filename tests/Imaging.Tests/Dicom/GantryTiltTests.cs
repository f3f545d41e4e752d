using ToNNO.Imaging.Dicom;
using ToNNO.Tests.Support;
using ToNNO.Tomography.Geometry;

namespace ToNNO.Imaging.Tests.Dicom;

/// <summary>Series of a tilted gantry that are asked to be resampled, held to what lies where in the world.</summary>
public sealed class GantryTiltTests : IDisposable
{
    private const int Columns = 40, Rows = 36, Slices = 20;
    private const double SpacingMm = 2.5, Intercept = -1024;

    /// <summary>Oblique rows and columns, in LPS.</summary>
    private static readonly DicomBytes _first = new()
    {
        Columns = Columns,
        Rows = Rows,
        ColumnSpacingMm = 1.5,
        RowSpacingMm = 1.25,
        Orientation = (new(0.8, 0.6, 0), new(-0.6, 0.8, 0)),
        Position = new(-20, -30, 55.5),
    };

    /// <summary>Of the blob, LPS.</summary>
    private static readonly Vector3D _blob = _first.Position + new Vector3D(6, 36, 26);
    private readonly TemporaryFolder _folder = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    /// <summary>Tilts either way about the rows, about the columns, and about both: a shear of any direction.</summary>
    [Theory]
    [InlineData(18.5, 0)]
    [InlineData(-18.5, 0)]
    [InlineData(0, 10)]
    [InlineData(12, -7)]
    public void Load_Blob_StandsWhereItIsInTheWorld(double degreesDown, double degreesAcross)
    {
        Write(degreesDown, degreesAcross, at => 2000 * Math.Exp(-(at - _blob).Dot(at - _blob) / (2 * 3 * 3)));
        var (volume, least) = Load();
        Assert.Equal(Intercept, least, 1e-3); // far from the blob, and outside of the slices
        Assert.Equal(least, volume[0, 0, 0]);
        var (peak, sum, mass) = ((Value: float.MinValue, At: default(Vector3D)), default(Vector3D), 0.0);
        for (var k = 0; k < volume.Geometry.Shape.K; k++)
        {
            for (var j = 0; j < volume.Geometry.Shape.J; j++)
            {
                for (var i = 0; i < volume.Geometry.Shape.I; i++)
                {
                    var at = Lps(volume.Geometry.Affine.ToWorld(i, j, k));
                    peak = volume[i, j, k] > peak.Value ? (volume[i, j, k], at) : peak;
                    (sum, mass) = (sum + ((volume[i, j, k] - least) * at), mass + volume[i, j, k] - least);
                }
            }
        }

        Assert.True((peak.At - _blob).Length < 1.6, $"the peak is {peak.At - _blob} off"); // half a voxel's diagonal
        // Linear interpolation keeps the centre of mass; stored values are whole numbers.
        Assert.True((((1 / mass) * sum) - _blob).Length < 0.02, $"the centre is {((1 / mass) * sum) - _blob} off");
    }

    /// <summary>A field that is linear in the world is what linear interpolation gives back exactly, wherever there were pixels around.</summary>
    [Fact]
    public void Load_FieldLinearInTheWorld_IsItWhereSlicesLieAndTheLeastOutside()
    {
        static double Field(Vector3D lps) => 900 + (7 * lps.X) + (3 * lps.Y) - (2 * lps.Z);
        Write(18.5, 5, Field);
        var (volume, least) = Load();
        var (inside, outside) = (0, 0);
        for (var k = 0; k < volume.Geometry.Shape.K; k++)
        {
            var slice = Position(k, 18.5, 5);
            for (var j = 0; j < volume.Geometry.Shape.J; j++)
            {
                for (var i = 0; i < volume.Geometry.Shape.I; i++)
                {
                    var at = Lps(volume.Geometry.Affine.ToWorld(i, j, k));
                    var (x, y) = ((at - slice).Dot(_first.Orientation.Row) / _first.ColumnSpacingMm, (at - slice).Dot(_first.Orientation.Column) / _first.RowSpacingMm);
                    if (x is > -1e-3 and < Columns - 1 + 1e-3 && y is > -1e-3 and < Rows - 1 + 1e-3)
                    {
                        Assert.Equal(Field(at) + Intercept, volume[i, j, k], 0.6); // stored values are rounded
                        inside++;
                    }
                    else
                    {
                        Assert.Equal(least, volume[i, j, k]);
                        outside++;
                    }
                }
            }
        }

        // Of each slice but the first at most a row and a column have no neighbour.
        Assert.InRange(inside, (Columns - 1) * (Rows - 1) * Slices, Columns * Rows * Slices);
        Assert.True(outside > 0);
    }

    [Fact]
    public void Headers_Tilted_TellTheGridThatIsRead()
    {
        Write(18.5, 0, at => at.Z);
        var headers = VolumeSource.ReadHeaders([Tilted], Token);
        var facts = VolumeSource.Inspect([Tilted], Token);
        var volume = VolumeSource.Load([Tilted], facts.Sha256, long.MaxValue, Token)[0].Volume;
        Assert.Equal(volume.Geometry, headers.ByChannel[0].Geometry);
        Assert.Equal(headers.PredictedBytes, facts.Headers.PredictedBytes);
        // The last slice is shifted by 12.7 rows: 13 more hold it.
        Assert.Equal(new VolumeShape(Columns, Rows + 13, Slices), volume.Geometry.Shape);
        Assert.Equal(SpacingMm, volume.Geometry.Affine.K.Length, 1e-9);
        Assert.Equal(0, volume.Geometry.Affine.K.Dot(volume.Geometry.Affine.J), 1e-9);
        var passed = new List<float>();
        VolumeSource.Scan([Tilted], facts.Sha256, run => passed.AddRange(run), Token);
        Assert.Equal(volume.Samples.AsFloats(), passed);
        Assert.Equal("dicom.gantry_tilt", Assert.Throws<ImagingException>(() => VolumeSource.ReadHeaders([Straight], Token)).Code);
    }

    [Fact]
    public void Inspect_Straight_SameWorkAsWithoutTheOption_Tilted_AnotherThanItsFiles()
    {
        Write(0, 0, at => at.Z);
        var (asked, plain) = (VolumeSource.Inspect([Tilted], Token), VolumeSource.Inspect([Straight], Token));
        Assert.Equal(plain.Sha256, asked.Sha256);
        Assert.Equal(plain.Headers.ByChannel[0].DataType, asked.Headers.ByChannel[0].DataType);

        using var straight = DicomSeries.Open(SeriesUri.TryParse(Straight)!, null, Token);
        Write(18.5, 0, at => at.Z);
        using var tilted = DicomSeries.Open(SeriesUri.TryParse(Tilted)!, null, Token);
        Assert.NotEqual(straight.Sha256(), tilted.Sha256());
        var uri = SeriesUri.TryParse(Tilted)!;
        Assert.Equal((Tilted, true, "Series " + SeriesUri.KeyOf(_first.Series)), (uri.ToString(), uri.ResamplesTilted, uri.Name));

        var salted = uri with { Key = SeriesUri.KeyBy(uri.Key, "s-1_"), Salt = "s-1_" };
        Assert.Equal(salted, SeriesUri.TryParse(salted.ToString()));
        using var same = DicomSeries.Open(salted, null, Token);
        Assert.Equal(tilted.Sha256(), same.Sha256());
        Assert.Equal("file.missing", Assert.Throws<ImagingException>(() => DicomSeries.Open(salted with { Salt = "" }, null, Token)).Code);
    }

    [Fact]
    public void Headers_ShiftedBeyondTheirWidth_Refused()
    {
        Write(50, 0, at => at.Z);
        var refused = Assert.Throws<ImagingException>(() => VolumeSource.ReadHeaders([Tilted], Token));
        Assert.Equal("dicom.gantry_tilt", refused.Code);
        Assert.Contains("more than their own width", refused.Message, StringComparison.Ordinal);
    }

    /// <summary>A head CT of a real scanner, each voxel against its slice's own position, which is all that DICOM says.</summary>
    [Fact]
    public void Load_RealSeries_EachVoxelIsItsSlicesAtThatPlace()
    {
        var zip = SharedData.Path("dcm-qa-ct/Philips_tilt-18.5_12slices.zip");
        var key = Assert.Single(DicomListing.Look(zip).Dicom.Select(file => file.Content!.SeriesKey).Distinct());
        using var series = DicomSeries.Open(new(zip, key, ResamplesTilted: true), null, Token);
        var volume = series.Read(long.MaxValue, Token).Volume;
        var (geometry, places) = (volume.Geometry, series.Slices.Select(slice => slice.Frame.Place).ToList());
        Assert.Equal(12, geometry.Shape.K);
        Assert.Equal(-1024, volume.Samples.AsFloats().Min());
        var (random, checkedVoxels) = (new Random(3), 0);
        for (var k = 0; k < geometry.Shape.K; k++)
        {
            var pixels = Pixels(series, k);
            var place = places[k];
            Assert.True((series.PlaceOf(k).Position - Lps(geometry.Affine.ToWorld(0, 0, k))).Length < 1e-3);
            for (var turn = 0; turn < 2000; turn++)
            {
                var (i, j) = (random.Next(geometry.Shape.I), random.Next(geometry.Shape.J));
                var way = Lps(geometry.Affine.ToWorld(i, j, k)) - place.Position;
                Assert.True(Math.Abs(way.Dot(place.Normal)) < 1e-2); // mm: files round positions
                var (x, y) = (way.Dot(place.RowDirection) / place.ColumnSpacingMm, way.Dot(place.ColumnDirection) / place.RowSpacingMm);
                var (column, row) = ((int)Math.Floor(x), (int)Math.Floor(y));
                if (column >= 0 && row >= 0 && column + 1 < pixels.GetLength(1) && row + 1 < pixels.GetLength(0))
                {
                    var (top, bottom) = (Between(pixels[row, column], pixels[row, column + 1], x - column), Between(pixels[row + 1, column], pixels[row + 1, column + 1], x - column));
                    // A hundredth of a pixel, by which positions are rounded, beside bone: 2000 HU a pixel.
                    Assert.Equal(Between(top, bottom, y - row), volume[i, j, k], 20.0);
                    checkedVoxels++;
                }
            }
        }

        Assert.True(checkedVoxels > 15_000);
    }

    private static double Between(double here, double there, double part) => ((1 - part) * here) + (part * there);

    private static Vector3D Lps(Vector3D ras) => new(-ras.X, -ras.Y, ras.Z);

    private string Straight => $"{_folder.Path}#series={SeriesUri.KeyOf(_first.Series)}";

    private string Tilted => Straight + "#resample-tilted";

    private static Vector3D Position(int k, double degreesDown, double degreesAcross) => _first.Position
        + (k * SpacingMm * _first.Orientation.Row.Cross(_first.Orientation.Column))
        + (k * SpacingMm * Math.Tan(degreesDown * Math.PI / 180) * _first.Orientation.Column)
        + (k * SpacingMm * Math.Tan(degreesAcross * Math.PI / 180) * _first.Orientation.Row);

    /// <summary>The rescaled intensities of one slice of a file each.</summary>
    private static double[,] Pixels(DicomSeries series, int k)
    {
        var (instance, frame) = series.Slices[k];
        var values = new int[instance.Image.Format.PixelsPerFrame];
        FramePixels.Of(DicomFile.Parse(instance.File.Read(long.MaxValue, "slice"), DicomTag.Imaging, DicomTag.PixelData, "slice"), instance.Image, "slice").Decode(frame.Index, values);
        var pixels = new double[instance.Image.Format.Rows, instance.Image.Format.Columns];
        for (var at = 0; at < values.Length; at++)
        {
            pixels[at / pixels.GetLength(1), at % pixels.GetLength(1)] = (frame.Slope * values[at]) + frame.Intercept;
        }

        return pixels;
    }

    /// <summary>Writes the slices that a tilted gantry takes of a field.</summary>
    /// <param name="field">By place in LPS; stored as whole numbers.</param>
    private void Write(double degreesDown, double degreesAcross, Func<Vector3D, double> field)
    {
        for (var k = 0; k < Slices; k++)
        {
            var position = Position(k, degreesDown, degreesAcross);
            File.WriteAllBytes(_folder[$"{k:D2}"], (_first with
            {
                Position = position,
                Pixel = at => (ushort)(short)Math.Round(field(
                    position + (at % Columns * _first.ColumnSpacingMm * _first.Orientation.Row) + (at / Columns * _first.RowSpacingMm * _first.Orientation.Column))),
            }).ToArray());
        }
    }

    private (Volume Volume, float Least) Load()
    {
        var sha256 = VolumeSource.Inspect([Tilted], Token).Sha256;
        var volume = VolumeSource.Load([Tilted], sha256, long.MaxValue, Token)[0].Volume;
        return (volume, volume.Samples.AsFloats().Min());
    }
}
