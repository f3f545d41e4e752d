using SkiaSharp;
using ToNNO.Imaging.Previews;
using ToNNO.Tomography.Geometry;

namespace ToNNO.Imaging.Tests.Previews;

public class PreviewRendererTests
{
    private static readonly VolumeShape WorldShape = new(24, 20, 16);
    private static readonly Vector3D WorldSpacingMm = new(2, 3, 4);

    // In the octant of the patient's left, front and head: small x, large y and z.
    private static readonly Vector3D BlobMm = new(10, 45, 48);

    [Fact]
    public void RenderPng_EveryAxisOrder_ShowsTheBlobLeftFrontAndHigh()
    {
        var orders = AxisOrders.All(WorldShape, WorldSpacingMm).ToArray();
        Assert.Equal(48, orders.Length);
        foreach (var (geometry, _) in orders)
        {
            var picture = PreviewRenderer.Draw(new(Body(geometry), Blob(geometry), "blob"));
            using var pixels = SKBitmap.Decode(picture.Png);

            foreach (var panel in picture.Panels.Where(panel => panel.HasHeatmap))
            {
                var hot = Centroid(pixels, panel.Area, IsHot);
                var (across, down) = (hot.X / panel.Area.Width, hot.Y / panel.Area.Height);

                // Where the blob lies in the world, as the display convention has it: + ends at the left and the top.
                var (x, y, z) = (1 - ((BlobMm.X + 1) / 48), 1 - ((BlobMm.Y + 1.5) / 60), 1 - ((BlobMm.Z + 2) / 64));
                var expected = panel.Plane.Plane switch
                {
                    AnatomicalPlane.Axial => (X: x, Y: y),
                    AnatomicalPlane.Coronal => (X: x, Y: z),
                    _ => (X: y, Y: z),
                };

                // Half a voxel (2 of 64 mm): the colours are cut to whole pixels and to the hotter part.
                Assert.Equal(expected.X, across, 0.03);
                Assert.Equal(expected.Y, down, 0.03);
                Assert.Equal(hot.X + panel.Area.Left, panel.Peak.X, 12f);
                Assert.Equal(hot.Y + panel.Area.Top, panel.Peak.Y, 12f);
            }
        }
    }

    [Fact]
    public void RenderPng_EveryAxisOrder_IsTheSamePicture()
    {
        // The bytes differ only where the voxel's index is printed, below the title.
        byte[]? first = null;
        foreach (var (geometry, _) in AxisOrders.All(WorldShape, WorldSpacingMm).Where((_, index) => index % 5 == 0))
        {
            var picture = PreviewRenderer.Draw(new(Body(geometry), Blob(geometry), "blob"));
            using var pixels = SKBitmap.Decode(picture.Png);
            var area = picture.Panels[3].Area;
            var bytes = new List<byte>();
            for (var y = area.Top; y < area.Bottom; y++)
            {
                for (var x = area.Left; x < area.Right; x++)
                {
                    var colour = pixels.GetPixel(x, y);
                    bytes.AddRange([colour.Red, colour.Green, colour.Blue]);
                }
            }

            first ??= [.. bytes];
            // One step of 255 for sums that are taken in another order.
            Assert.True(first.Zip(bytes).All(pair => Math.Abs(pair.First - pair.Second) <= 1));
        }
    }

    [Fact]
    public void RenderPng_Png_IsOpaqueAndAsWideAsPromised()
    {
        var geometry = Default();
        using var pixels = SKBitmap.Decode(PreviewRenderer.RenderPng(new(Body(geometry), Blob(geometry), "size")));
        Assert.Equal(1200, pixels.Width);
        Assert.InRange(pixels.Height, 500, 1700);
    }

    [Fact]
    public void RenderPng_UpperRow_IsGrey()
    {
        var geometry = Default();
        var picture = PreviewRenderer.Draw(new(Body(geometry), Blob(geometry), "grey")
        {
            ReferenceMask = Mask(geometry),
            Threshold = new(0.5, OfPeak: true),
        });
        using var pixels = SKBitmap.Decode(picture.Png);
        foreach (var panel in picture.Panels.Where(panel => !panel.HasHeatmap))
        {
            Assert.Equal(0, Count(pixels, panel.Area, colour => Math.Abs(colour.Red - colour.Blue) > 8 || Math.Abs(colour.Red - colour.Green) > 8));
        }
    }

    [Theory]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [InlineData(true, true)]
    [InlineData(false, false)]
    public void RenderPng_Outlines_AppearOnlyWhereAskedFor(bool reference, bool predicted)
    {
        var geometry = Default();
        var picture = PreviewRenderer.Draw(new(Body(geometry), Blob(geometry), "outlines")
        {
            ReferenceMask = reference ? Mask(geometry) : null,
            Threshold = predicted ? new(0.5, OfPeak: true) : null,
        });
        using var pixels = SKBitmap.Decode(picture.Png);
        foreach (var panel in picture.Panels.Where(panel => panel.HasHeatmap))
        {
            Assert.Equal(reference, Count(pixels, panel.Area, colour => Near(colour, PreviewPen.Reference)) > 20);
            Assert.Equal(predicted, Count(pixels, panel.Area, colour => Near(colour, PreviewPen.Predicted)) > 20);
        }

        var whole = SKRectI.Create(pixels.Width, pixels.Height);
        Assert.Equal(reference, Count(pixels, whole, colour => Near(colour, PreviewPen.Reference)) > 0);
        Assert.Equal(predicted, Count(pixels, whole, colour => Near(colour, PreviewPen.Predicted)) > 0);
    }

    [Fact]
    public void RenderPng_ReferenceOutline_EnclosesTheMask()
    {
        var geometry = Default();
        var picture = PreviewRenderer.Draw(new(Body(geometry), Blob(geometry), "outline") { ReferenceMask = Mask(geometry) });
        using var pixels = SKBitmap.Decode(picture.Png);
        var axial = picture.Panels.Single(panel => panel is { HasHeatmap: true, Plane.Plane: AnatomicalPlane.Axial });
        var left = int.MaxValue;
        var right = int.MinValue;
        for (var y = axial.Area.Top; y < axial.Area.Bottom; y++)
        {
            for (var x = axial.Area.Left; x < axial.Area.Right; x++)
            {
                if (Near(pixels.GetPixel(x, y), PreviewPen.Reference))
                {
                    (left, right) = (Math.Min(left, x), Math.Max(right, x));
                }
            }
        }

        // The ball's diameter, 16 mm, to one voxel of 2 mm.
        Assert.Equal(16, (right - left) * 48.0 / axial.Area.Width, 2.0);
    }

    [Fact]
    public void RenderPng_AnisotropicVoxels_AreShownInMillimetres()
    {
        // 24 voxels of 2 mm by 20 of 3 mm by 16 of 4 mm: 48 by 60 by 64 mm.
        var picture = PreviewRenderer.Draw(new(Body(Default()), Blob(Default()), "mm"));
        double[] expected = [48.0 / 60, 48.0 / 64, 60.0 / 64];
        Assert.Equal(6, picture.Panels.Count);
        for (var index = 0; index < 6; index++)
        {
            var area = picture.Panels[index].Area;
            Assert.Equal(expected[index % 3], (double)area.Width / area.Height, 0.01);
        }

        Assert.Single(picture.Panels.Select(panel => Math.Round(panel.Area.Width / panel.Plane.Columns.ExtentMm, 1)).Distinct());
    }

    [Theory]
    [InlineData(200, 200, 900)]
    [InlineData(1, 1, 1)]
    [InlineData(64, 64, 1)]
    [InlineData(1, 64, 64)]
    public void RenderPng_UnusualProportions_PanelsStayApartAndInside(int x, int y, int z)
    {
        var geometry = new VolumeGeometry(new(Math.Min(x, 20), Math.Min(y, 20), Math.Min(z, 30)), AffineTransform.Scaling(
            x / Math.Min(x, 20.0), y / Math.Min(y, 20.0), z / Math.Min(z, 30.0)));
        var heat = AxisOrders.Sample(geometry, world => world.X + world.Y + world.Z);
        var picture = PreviewRenderer.Draw(new(new(geometry, heat), heat, "odd") { Threshold = new(0.5, true) });
        using var pixels = SKBitmap.Decode(picture.Png);
        var whole = SKRectI.Create(pixels.Width, pixels.Height);
        foreach (var panel in picture.Panels)
        {
            Assert.True(whole.Contains(panel.Area));
            Assert.DoesNotContain(picture.Panels, other => other != panel && SKRectI.Intersect(panel.Area, other.Area) is { IsEmpty: false });
        }
    }

    [Fact]
    public void RenderPng_ObliqueGrid_PeakIsInEveryPanel()
    {
        var (cos, sin) = (Math.Cos(0.5), Math.Sin(0.5));
        var geometry = new VolumeGeometry(new(20, 22, 24), new(
            new(2 * cos, 2 * sin, 0), new(-2 * sin, 2 * cos, 0.3), new(0.2, 0, 3), new(-5, 7, -9)));
        var centre = geometry.Affine.ToWorld(5, 16, 18);
        var heat = AxisOrders.Sample(geometry, world => Math.Exp(-Math.Pow((world - centre).Length / 6, 2)));
        var picture = PreviewRenderer.Draw(new(new(geometry, heat), heat, "oblique"));
        using var pixels = SKBitmap.Decode(picture.Png);

        Assert.Equal((5, 16, 18), (picture.Peak.I, picture.Peak.J, picture.Peak.K));
        foreach (var panel in picture.Panels.Where(panel => panel.HasHeatmap))
        {
            var hot = Centroid(pixels, panel.Area, IsHot);
            Assert.Equal(panel.Peak.X, hot.X + panel.Area.Left, 10f);
            Assert.Equal(panel.Peak.Y, hot.Y + panel.Area.Top, 10f);
        }
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    [InlineData(0f)]
    [InlineData(-3.5f)]
    public void RenderPng_HeatmapWithoutAPeak_IsDrawnUncoloured(float value)
    {
        var geometry = Default();
        var heat = Enumerable.Repeat(value, (int)geometry.Shape.VoxelCount).ToArray();
        var picture = PreviewRenderer.Draw(new(Body(geometry), heat, "flat") { Threshold = new(0.5, OfPeak: true) });
        using var pixels = SKBitmap.Decode(picture.Png);

        Assert.False(picture.Peak.IsDistinct);
        Assert.Equal((12, 10, 8), (picture.Peak.I, picture.Peak.J, picture.Peak.K));
        Assert.Equal(0, Count(pixels, SKRectI.Create(pixels.Width, pixels.Height), colour => IsHot(colour) || Near(colour, PreviewPen.Predicted)));
    }

    [Fact]
    public void RenderPng_SomeValuesNotFinite_PeakIsTheFiniteOne()
    {
        var geometry = Default();
        var heat = Blob(geometry);
        var expected = PreviewRenderer.Draw(new(Body(geometry), heat, "holes")).Peak;
        (heat[0], heat[7], heat[11]) = (float.PositiveInfinity, float.NaN, float.NegativeInfinity);
        Assert.Equal(expected, PreviewRenderer.Draw(new(Body(geometry), heat, "holes")).Peak);
    }

    [Fact]
    public void RenderPng_ImageNotFiniteOrConstant_IsDrawn()
    {
        var geometry = Default();
        foreach (var value in new[] { float.NaN, float.NegativeInfinity, 0f, 1e38f })
        {
            var image = new Volume(geometry, Enumerable.Repeat(value, (int)geometry.Shape.VoxelCount).ToArray());
            Assert.NotNull(SKBitmap.Decode(PreviewRenderer.RenderPng(new(image, Blob(geometry), "image"))));
        }
    }

    [Fact]
    public void RenderPng_SameRequest_SameBytes()
    {
        var geometry = Default();
        byte[] Once() => PreviewRenderer.RenderPng(new(Body(geometry), Blob(geometry), "again")
        {
            ReferenceMask = Mask(geometry),
            Threshold = new(0.3, OfPeak: false),
        });
        Assert.Equal(Once(), Once());
    }

    [Fact]
    public void RenderPng_SamplesThatPassByInRuns_IsTheSamePictureInEveryAxisOrder()
    {
        foreach (var (geometry, _) in AxisOrders.All(WorldShape, WorldSpacingMm))
        {
            var (image, heat, mask) = (Body(geometry), Blob(geometry), Mask(geometry));
            var peak = HeatmapPeak.Find(heat, geometry.Shape);
            VolumeGlimpse InRuns(float[] samples)
            {
                var glimpse = new VolumeGlimpse(geometry.Shape, peak);
                for (var (at, run) = (0, 1); at < samples.Length; at += run, run = Math.Min((run * 3) + 1, samples.Length - at))
                {
                    glimpse.Append(samples.AsSpan(at, run)); // rows end anywhere in a run, and runs anywhere in a row
                }

                return glimpse;
            }

            var expected = PreviewRenderer.RenderPng(new(image, heat, "runs") { ReferenceMask = mask, Threshold = new(0.5, OfPeak: true) });
            Assert.Equal(expected, PreviewRenderer.RenderPng(new(geometry, peak, InRuns(image.Samples.AsFloats()), InRuns(heat), "runs")
            {
                ReferenceMask = mask,
                Threshold = new(0.5, OfPeak: true),
            }));
        }
    }

    [Fact]
    public void Append_TooManySamplesOrTooFew_Refused()
    {
        var glimpse = new VolumeGlimpse(new(2, 2, 2), new(0, 0, 0, 1, true));
        glimpse.Append(new float[7]);
        Assert.Throws<InvalidOperationException>(() => glimpse.Spread);
        Assert.Throws<ArgumentException>(() => glimpse.Append(new float[2]));
    }

    [Theory]
    [InlineData("")]
    [InlineData("line\nbreak\tand \u0000 zero")]
    [InlineData("a very long title that goes on and on 🫁🫁🫁🫁🫁🫁🫁🫁🫁🫁🫁🫁🫁🫁🫁🫁🫁🫁🫁🫁🫁🫁🫁🫁🫁🫁🫁🫁🫁🫁🫁🫁🫁🫁🫁🫁🫁🫁🫁🫁🫁🫁🫁🫁🫁🫁🫁🫁🫁🫁🫁🫁🫁🫁🫁🫁🫁🫁🫁🫁🫁🫁🫁🫁🫁🫁🫁🫁")]
    public void RenderPng_AnyTitle_StaysInTheMargins(string title)
    {
        var geometry = Default();
        using var pixels = SKBitmap.Decode(PreviewRenderer.RenderPng(new(Body(geometry), Blob(geometry), title)));
        Assert.Equal(0, Count(pixels, SKRectI.Create(pixels.Width - 20, 0, 20, 60), colour => colour != PreviewPen.Page));
        Assert.Equal(title.Length > 0, Count(pixels, SKRectI.Create(0, 20, pixels.Width, 30), colour => colour == PreviewPen.Ink) > 0);
    }

    [Fact]
    public void RenderPng_WrongLengths_AreRefused()
    {
        var geometry = Default();
        Assert.Throws<ArgumentException>(() => PreviewRenderer.RenderPng(new(Body(geometry), new float[3], "short")));
        Assert.Throws<ArgumentException>(() => PreviewRenderer.RenderPng(
            new(Body(geometry), Blob(geometry), "short") { ReferenceMask = new byte[3] }));
    }

    private static VolumeGeometry Default() => new(WorldShape, AffineTransform.Scaling(2, 3, 4));

    private static Volume Body(VolumeGeometry geometry) =>
        new(geometry, AxisOrders.Sample(geometry, world => 5 + Math.Sin(world.X / 5) + Math.Cos(world.Y / 7)));

    private static float[] Blob(VolumeGeometry geometry) =>
        AxisOrders.Sample(geometry, world => Math.Exp(-Math.Pow((world - BlobMm).Length / 7, 2)));

    private static byte[] Mask(VolumeGeometry geometry) =>
        Array.ConvertAll(AxisOrders.Sample(geometry, world => (world - BlobMm).Length <= 8 ? 1 : 0), value => (byte)value);

    // The upper half of inferno is far from grey, and no outline or letter looks like it.
    private static bool IsHot(SKColor colour) => colour.Red > 130 && colour.Red - colour.Blue > 70;

    private static bool Near(SKColor a, SKColor b) =>
        Math.Abs(a.Red - b.Red) + Math.Abs(a.Green - b.Green) + Math.Abs(a.Blue - b.Blue) < 30;

    private static int Count(SKBitmap pixels, SKRectI area, Func<SKColor, bool> counts)
    {
        var colours = pixels.Pixels;
        var count = 0;
        for (var y = area.Top; y < area.Bottom; y++)
        {
            for (var x = area.Left; x < area.Right; x++)
            {
                count += counts(colours[(y * pixels.Width) + x]) ? 1 : 0;
            }
        }

        return count;
    }

    private static SKPoint Centroid(SKBitmap pixels, SKRectI area, Func<SKColor, bool> counts)
    {
        var colours = pixels.Pixels;
        var (sumX, sumY, count) = (0.0, 0.0, 0);
        for (var y = 0; y < area.Height; y++)
        {
            for (var x = 0; x < area.Width; x++)
            {
                if (counts(colours[((area.Top + y) * pixels.Width) + area.Left + x]))
                {
                    (sumX, sumY, count) = (sumX + x + 0.5, sumY + y + 0.5, count + 1);
                }
            }
        }

        Assert.True(count > 0, "Nothing is coloured.");
        return new((float)(sumX / count), (float)(sumY / count));
    }
}
