using CsCheck;
using ToNNO.Imaging.Dicom;
using ToNNO.Tomography.Geometry;

namespace ToNNO.Imaging.Tests.Dicom;

public sealed class SliceStackTests
{
    private static readonly SlicePlace _first = new(new(-100, -120, 40), new(1, 0, 0), new(0, 1, 0), 0.7, 0.9);

    [Fact]
    public void Of_RandomOrientationAndOrder_OrdersAlongTheNormalAndTurnsLpsIntoRasOnce()
    {
        var unit = Gen.Double[-1, 1];
        Gen.Select(unit, unit, unit, Gen.Int[2, 40], Gen.Double[0.3, 8], Gen.Int[0, int.MaxValue]).Sample((a, b, c, count, spacing, seed) =>
        {
            var row = new Vector3D(a + 2, b, c).Normalized();
            var column = row.Cross(new Vector3D(b, 2, a).Normalized()).Normalized();
            var places = Stack(_first with { RowDirection = row, ColumnDirection = column }, count, spacing);
            var shuffled = Enumerable.Range(0, count).OrderBy(_ => 1).ToArray();
            new Random(seed).Shuffle(shuffled);
            var stack = SliceStack.Of([.. shuffled.Select(at => places[at])], "The series");
            Assert.Equal(Enumerable.Range(0, count), stack.Order.Select(at => shuffled[at]));

            // The centre of pixel (i, j) of slice k, by PS3.3, C.7.6.2.1.1, with x and y turned.
            var (i, j, k) = (7, 11, count - 1);
            var lps = places[k].Position + (i * 0.7 * row) + (j * 0.9 * column);
            var there = stack.Affine.ToWorld(i, j, k);
            Assert.True((there - new Vector3D(-lps.X, -lps.Y, lps.Z)).Length < 1e-9, $"{there} is not {lps}"); // doubles at 500 mm
        });
    }

    [Theory]
    [InlineData("volume.not_3d", 1)]
    [InlineData("dicom.missing_slices", 12, 5)]
    [InlineData("dicom.missing_slices", 12, 1, 6, 7)]
    [InlineData("dicom.missing_slices", 4, 1)]
    public void Of_SlicesMissing_RefusedByName(string code, int count, params int[] missing) =>
        Assert.Equal(code, CodeOf(Stack(_first, count, 2.5).Where((_, at) => !missing.Contains(at))));

    [Fact]
    public void Of_SlicesMissing_CountsThem() =>
        Assert.Contains(
            "lacks 3 slices among its 9", Refusal(Stack(_first, 12, 2.5).Where((_, at) => at is not (1 or 6 or 7))).Message, StringComparison.Ordinal);

    [Fact]
    public void Of_Unevenly_Refused()
    {
        var places = Stack(_first, 10, 2);
        places[4] = Moved(places[4], 0, 0, 0.3);
        Assert.Equal("dicom.uneven_spacing", CodeOf(places));
        Assert.Equal("dicom.uneven_spacing", CodeOf(Stack(_first, 10, 2).Concat(Stack(Moved(_first, 0, 0, 20), 10, 3))));
    }

    [Fact]
    public void Of_PositionsRoundedToATenthOfAMillimetre_IsAStack()
    {
        var rounded = Stack(_first, 100, 1.25).Select(place => place with { Position = place.Position with { Z = Math.Round(place.Position.Z, 1) } });
        Assert.Equal(1.25, SliceStack.Of([.. rounded], "The series").Affine.K.Z, 1e-3); // 0.1 mm over 124 mm
    }

    [Fact]
    public void Of_DoubledPositions_RefusedAsPhasesOrCopies()
    {
        Assert.Equal("dicom.duplicate_positions", CodeOf(Stack(_first, 5, 2).Append(Stack(_first, 5, 2)[2])));
        Assert.Equal("dicom.duplicate_positions", CodeOf(Stack(_first, 5, 2).Concat(Stack(_first, 5, 2))));
        Assert.Equal("dicom.duplicate_positions", CodeOf([_first, _first]));
    }

    [Fact]
    public void Of_SlicesBesideEachOther_Refused()
    {
        var places = Stack(_first, 8, 2);
        places[3] = Moved(places[3], 0.4, 0, 0);
        Assert.Equal("dicom.mixed_positions", CodeOf(places));
        Assert.Equal("dicom.mixed_positions", CodeOf(Stack(_first, 4, 2).Append(Moved(_first, 30, 0, 2))));
    }

    [Theory]
    [InlineData(18.5)]
    [InlineData(-3)]
    [InlineData(0.2)]
    public void Of_TiltedGantry_RefusedWithItsAngle(double degrees)
    {
        var shift = 2.5 * Math.Tan(degrees * Math.PI / 180);
        var refusal = Refusal(Stack(_first, 12, 2.5).Select((place, at) => Moved(place, 0, at * shift, 0)));
        Assert.Equal("dicom.gantry_tilt", refusal.Code);
        Assert.Contains(FormattableString.Invariant($"({Math.Abs(degrees)} degrees)"), refusal.Message, StringComparison.Ordinal);
        Assert.Contains("--resample-tilted", refusal.Message, StringComparison.Ordinal);
    }

    /// <summary>Only what is beyond rounding is a tilt, and only along the axis that it goes.</summary>
    [Fact]
    public void Of_TiltedGantryThatIsTaken_ItsShiftAndAStraightAffine()
    {
        var stack = SliceStack.Of([.. Stack(_first, 12, 2.5).Select((place, at) => Moved(place, at * 1e-4, at * 0.5, 0))], "s", takesTilted: true);
        Assert.Equal(0, stack.Tilt!.ColumnsPerSlice);
        Assert.Equal(0.5 / _first.RowSpacingMm, stack.Tilt.RowsPerSlice, 1e-12);
        Assert.Equal(2.5, stack.Affine.K.Length, 1e-12);
        Assert.Null(SliceStack.Of(Stack(_first, 12, 2.5), "s", takesTilted: true).Tilt);
    }

    [Fact]
    public void Of_MixedOrientationsOrPixelSizes_Refused()
    {
        var coronal = _first with { ColumnDirection = new(0, 0, -1), Position = new(-100, 80, 40) };
        Assert.Equal("dicom.mixed_orientations", CodeOf(Stack(_first, 5, 2).Append(coronal)));
        Assert.Equal("dicom.mixed_series", CodeOf(Stack(_first, 5, 2).Append(Moved(_first, 0, 0, 10) with { RowSpacingMm = 0.8 })));
    }

    [Fact]
    public void Of_AxesThatAreNone_Refused()
    {
        Assert.Equal("volume.geometry_invalid", CodeOf(Stack(_first with { RowDirection = new(2, 0, 0) }, 5, 2)));
        Assert.Equal("volume.geometry_invalid", CodeOf(Stack(_first with { ColumnDirection = new(1, 0, 0) }, 5, 2)));
        Assert.Equal("volume.geometry_invalid", CodeOf(Stack(_first with { RowSpacingMm = 0 }, 5, 2)));
    }

    private static SlicePlace[] Stack(SlicePlace first, int count, double spacingMm) =>
        [.. Enumerable.Range(0, count).Select(at => first with { Position = first.Position + (at * spacingMm * first.Normal) })];

    private static SlicePlace Moved(SlicePlace place, double x, double y, double z) => place with { Position = place.Position + new Vector3D(x, y, z) };

    private static ImagingException Refusal(IEnumerable<SlicePlace> places)
    {
        SlicePlace[] all = [.. places];
        var refusal = Assert.Throws<ImagingException>(() => SliceStack.Of(all, "The series"));
        Array.Reverse(all);
        Assert.Equal(refusal.Code, Assert.Throws<ImagingException>(() => SliceStack.Of(all, "The series")).Code);
        return refusal;
    }

    private static string CodeOf(IEnumerable<SlicePlace> places) => Refusal(places).Code;
}
