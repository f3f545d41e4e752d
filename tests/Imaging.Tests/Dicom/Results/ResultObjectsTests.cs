using System.Text;
using ToNNO.Imaging.Dicom;
using ToNNO.Imaging.Dicom.Results;
using ToNNO.Tests.Support;
using ToNNO.Tomography.Geometry;

namespace ToNNO.Imaging.Tests.Dicom.Results;

/// <summary>Parametric Maps and Segmentations of series written by hand, held to what they were made of.</summary>
public sealed class ResultObjectsTests : IDisposable
{
    private const int Rows = 4, Columns = 5, Slices = 3;
    private const double Bound = 0.5;

    /// <summary>Oblique, and with positions of all the digits that a decimal string takes.</summary>
    private static readonly DicomBytes _oblique = Named(new DicomBytes
    {
        Orientation = (new(0.8, 0.6, 0), new(-0.6, 0.8, 0)),
        Position = new(-12.3456789012, 1.0000000001, 301.25),
    });

    private readonly TemporaryFolder _folder = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    /// <summary>Every voxel another, of both signs; above the bound some of the first plane and one of the last.</summary>
    private static float[] Heatmap { get; } =
        [.. Enumerable.Range(0, Rows * Columns * Slices).Select(at => at is 1 or 3 or 19 or 47 ? 0.5f + (at / 128f) : (at - 30) / 97f)];

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(DicomBytes.Explicit)]
    [InlineData(DicomBytes.Implicit)]
    [InlineData(DicomBytes.BigEndian)]
    [InlineData(DicomBytes.Deflated)]
    public void Write_ObliqueSeriesInAnyOrder_FramesLieWhereTheirSlicesLieWithTheHeatmapsBits(string syntax)
    {
        var slices = Numbered((_oblique with { Syntax = syntax, UndefinedLengths = true }).Stack(Slices)).ToList();
        Write(slices.AsEnumerable().Reverse());
        var (map, segmentation) = Objects(Source());

        Assert.Equal(slices.Select(slice => Round(slice.Position)), map.Positions);
        Assert.Equal(slices.Select((_, k) => ((string?)DicomBytes.CtClass, (string?)$"1.9.{k}", (string?)null)), map.Sources);
        Assert.Equal([0.8, 0.6, 0, -0.6, 0.8, 0], Orientation(map));
        Assert.Equal([0.75, 0.5], Measures(map).Decimals(DicomTag.PixelSpacing)!);
        Assert.Equal([2], Measures(map).Decimals(0x0018_0088)!);
        Assert.Equal(Heatmap.Select(BitConverter.SingleToInt32Bits), map.Voxels.Select(BitConverter.SingleToInt32Bits));
        Assert.Equal((Rows, Columns), (map.Set.UnsignedShort(DicomTag.Rows), map.Set.UnsignedShort(DicomTag.Columns)));

        // The middle plane holds nothing of it, so it has no frame; the frames' 20 bits follow each other without a gap.
        Assert.Equal([Round(slices[0].Position), Round(slices[2].Position)], segmentation.Positions);
        Assert.Equal(["1.9.0", "1.9.2"], segmentation.Sources.Select(source => source.Instance));
        var marked = Heatmap.Select(voxel => (byte)(voxel >= Bound ? 1 : 0)).ToArray();
        Assert.Equal([.. marked[..20], .. marked[40..], .. new byte[8]], segmentation.Bits);
        Assert.Equal("2", segmentation.Set.Text(DicomTag.NumberOfFrames));
    }

    /// <summary>The frames of a straight grid lie in the planes of the slices that they refer to.</summary>
    [Fact]
    public void Write_TiltedSeriesResampled_FramesOfTheStraightGridReferToTheirSlices()
    {
        var slices = Numbered(new DicomBytes { Position = new(-10, -20, 30) }.Stack(Slices).Select((slice, k) => Named(slice with { Position = slice.Position + new Vector3D(0, 0.6 * k, 0) }))).ToList();
        Write(slices);
        var uri = SeriesOf(_folder["series"]) with { ResamplesTilted = true };
        var source = SourceSeries.Read(uri, VolumeSource.Inspect([uri.ToString()], Token).Sha256, null, Token);
        Assert.Equal(new VolumeShape(Columns, Rows + 2, Slices), source.Header.Shape); // 1.2 mm are 1.6 rows
        using var stream = new MemoryStream();
        var writer = ParametricMap.Begin(stream, source, OriginOf(source));
        writer.Append(new float[source.Header.Shape.VoxelCount]);
        writer.Complete();
        var map = new ReadObject(stream.ToArray());
        Assert.Equal([new(-10, -20, 30), new(-10, -20, 32), new(-10, -20, 34)], map.Positions);
        Assert.Equal(slices.Select((_, k) => ((string?)DicomBytes.CtClass, (string?)$"1.9.{k}", (string?)null)), map.Sources);
        Assert.Equal((Rows + 2, Columns), (map.Set.UnsignedShort(DicomTag.Rows), map.Set.UnsignedShort(DicomTag.Columns)));
        Assert.Equal([2], Measures(map).Decimals(0x0018_0088)!);
    }

    [Fact]
    public void Write_MultiFrameSource_FramesReferToFrameNumbersInTheStacksOrder()
    {
        Vector3D[] positions = [new(0, 0, 4), new(0, 0, 0), new(0, 0, 2)];
        var file = Named(new DicomBytes { SopClass = DicomBytes.EnhancedCtClass, FramePositions = positions });
        Write(Numbered([file]));
        var (map, segmentation) = Objects(Source());
        Assert.Equal([(DicomBytes.EnhancedCtClass, "1.9.0", "2"), (DicomBytes.EnhancedCtClass, "1.9.0", "3"), (DicomBytes.EnhancedCtClass, "1.9.0", "1")], map.Sources);
        Assert.Equal([new(0, 0, 0), new(0, 0, 2), new(0, 0, 4)], map.Positions);
        Assert.Equal(["2", "1"], segmentation.Sources.Select(source => source.Frame));
        Assert.Single(Assert.Single(map.Set.Items(0x0008_1115)).Items(0x0008_114A));
    }

    [Fact]
    public void Write_PatientAndStudy_CarriedByteForByteAndNothingElseOfTheSource()
    {
        var name = Encoding.UTF8.GetBytes("Müller^Änne=謬羅");
        var slice = _oblique with
        {
            Others = With(
                _oblique.Others,
                (0x0008_0005, new(0, "CS", "ISO_IR 192")),
                (0x0010_0010, new(0, "PN", Encoding.Latin1.GetString(name))),
                (0x0008_0080, new(0, "LO", "Saint Somewhere")),
                (0x0008_1070, new(0, "PN", "Operator^Olga")),
                (0x0009_0010, new(0, "LO", "PRIVATE MAKER")),
                (0x0012_0063, new(0, "LO", "by hand")),
                (0x0012_0064, DicomBytes.Sequence([new DicomAttribute(0x0008_0100, "SH", "113100"), new DicomAttribute(0x0008_0102, "SH", "DCM"), new DicomAttribute(0x0008_0104, "LO", "Basic Profile")])),
                (0x0020_0010, new(0, "SH", "longer than sixteen letters")),
                (0x0008_0020, new(0, "DA", "2011.2.3")),
                (0x0008_0030, new(0, "TM", "12:30")),
                (0x0010_0040, new(0, "CS", "female"))),
        };
        Write(Numbered((slice with { Syntax = DicomBytes.Implicit }).Stack(Slices)));
        var source = Source();
        foreach (var bytes in new[] { MapOf(source), SegmentationOf(source) })
        {
            var result = new ReadObject(bytes).Set;
            Assert.Equal(Padded(name), result.Find(0x0010_0010)!.Value.ToArray());
            Assert.Equal(("ISO_IR 192", "PID 1", "1.7.1", "1.7.2"), (result.Text(0x0008_0005), result.Text(0x0010_0020), result.Text(DicomTag.StudyInstanceUid), result.Text(DicomTag.FrameOfReferenceUid)));
            Assert.Equal("Basic Profile", Assert.Single(result.Items(DicomTag.DeidentificationMethodCodeSequence)).Text(0x0008_0104));
            Assert.Equal("by hand", result.Text(0x0012_0063));
            Assert.NotEqual(slice.Series, result.Text(DicomTag.SeriesInstanceUid));
            Assert.All([0x0020_0010u, 0x0008_0020u, 0x0008_0030u, 0x0010_0040u], tag => Assert.Empty(result.Find(tag)!.Value.ToArray())); // with them the result would be invalid
            var text = Encoding.Latin1.GetString(bytes);
            Assert.All(["Somewhere", "Olga", "PRIVATE"], word => Assert.DoesNotContain(word, text, StringComparison.Ordinal));
        }

        static byte[] Padded(byte[] value) => value.Length % 2 == 0 ? value : [.. value, (byte)' '];
    }

    [Fact]
    public void Write_Again_SameBytes_OtherHeatmapOrBoundOrClass_OtherInstances()
    {
        Write(Numbered(_oblique.Stack(Slices)));
        var (source, again) = (Source(), Source());
        Assert.Equal(MapOf(source), MapOf(again));
        Assert.Equal(SegmentationOf(source), SegmentationOf(again));

        var origin = OriginOf(source);
        ResultOrigin[] others = [origin with { HeatmapSha256 = "ab" }, origin with { ClassNumber = 2 }, origin with { SourceSha256 = "cd" }, origin with { OrderedAt = origin.OrderedAt.AddSeconds(1) }];
        string[] uids =
        [
            ParametricMap.InstanceUidOf(origin), .. others.Select(ParametricMap.InstanceUidOf),
            Segmentation.InstanceUidOf(origin, Bound), Segmentation.InstanceUidOf(origin, Bound + 1), .. others.Select(other => Segmentation.InstanceUidOf(other, Bound)),
        ];
        Assert.Equal(uids.Length, uids.Distinct().Count());
        var file = _folder["map.dcm"];
        File.WriteAllBytes(file, MapOf(source));
        Assert.Equal(ParametricMap.InstanceUidOf(origin), ResultFile.InstanceUidOf(file));
        Assert.Null(ResultFile.InstanceUidOf(Directory.GetFiles(_folder["series"])[0])); // DICOM, and another's
    }

    [Fact]
    public void Segmentation_NothingAboveTheBound_AllFramesEmpty()
    {
        Write(Numbered(_oblique.Stack(Slices)));
        var source = Source();
        var segmentation = new ReadObject(SegmentationOf(source, bound: 100));
        Assert.Equal(Slices, segmentation.Frames.Count);
        Assert.All(segmentation.Bits, bit => Assert.Equal(0, bit));
    }

    [Theory]
    [InlineData(0x0020_0052u, "FrameOfReferenceUID")]
    [InlineData(0x0020_000Du, "StudyInstanceUID")]
    [InlineData(0x0008_0018u, "SOPInstanceUID")]
    public void Read_WhatResultsReferToIsMissing_RefusedByName(uint tag, string keyword)
    {
        Write(Numbered(_oblique.Stack(Slices)).Select(slice => slice with { Others = With(slice.Others, (tag, null)) }));
        var refusal = Assert.Throws<ImagingException>(Source);
        Assert.Equal("dicom.attribute_missing", refusal.Code);
        Assert.Contains(keyword, refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_FilesOfTwoPatientsInOneSeries_Refused()
    {
        Write(Numbered(_oblique.Stack(Slices)).Select((slice, k) => slice with { Others = With(slice.Others, (0x0010_0020u, new(0, "LO", k == 1 ? "PID 2" : "PID 1"))) }));
        var refusal = Assert.Throws<ImagingException>(Source);
        Assert.Equal("dicom.mixed_series", refusal.Code);
        Assert.DoesNotContain("PID", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_AFileChangedSince_Refused()
    {
        Write(Numbered(_oblique.Stack(Slices)));
        Assert.Equal("source.changed", Assert.Throws<ImagingException>(() => SourceSeries.Read(Series(), new string('0', 64), null, Token)).Code);
    }

    [Fact]
    public void Append_MoreOrFewerVoxelsThanTheVolumeHas_Refused()
    {
        Write(Numbered(_oblique.Stack(Slices)));
        var source = Source();
        using var stream = new MemoryStream();
        var map = ParametricMap.Begin(stream, source, OriginOf(source));
        var segmentation = new Segmentation(source.Header.Shape, Bound);
        map.Append(Heatmap.AsSpan(..^1));
        segmentation.Append(Heatmap.AsSpan(..^1));
        Assert.Throws<InvalidOperationException>(map.Complete);
        Assert.Throws<InvalidOperationException>(() => segmentation.Write(stream, source, OriginOf(source)));
        Assert.Throws<ArgumentOutOfRangeException>(() => map.Append([0, 0]));
        Assert.Throws<ArgumentOutOfRangeException>(() => segmentation.Append([0, 0]));
    }

    [Theory]
    [InlineData(DicomBytes.Explicit)]
    [InlineData(DicomBytes.Implicit)]
    public void Carry_DamagedFile_WrittenOrRefused(string syntax)
    {
        const int Count = 6_000;
        var code = DicomBytes.Sequence([new DicomAttribute(0x0008_0100, "SH", "113100"), new DicomAttribute(0x0008_0102, "SH", "DCM")]);
        var bytes = Numbered([_oblique with { Syntax = syntax, Others = With(_oblique.Others, (0x0012_0064, code)) }]).First().ToArray();
        var random = new Random(syntax.Length);
        Assert.True(TryCarry(bytes), "the sound file is refused");
        var carried = Enumerable.Range(0, Count).Count(_ => TryCarry(Damaged.Of(bytes, random)));
        Assert.InRange(carried, Count / 50, Count - (Count / 50));

        static bool TryCarry(byte[] bytes)
        {
            try
            {
                var set = new WrittenSet();
                InstanceOrigin.Of(DicomFile.Parse(bytes, InstanceOrigin.Tags, DicomTag.PixelData, "it").DataSet, "it").Carried.AddTo(set);
                set.WriteTo(Stream.Null);
                return true;
            }
            catch (ImagingException)
            {
                return false;
            }
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Write_BothObjects_DciodvfyFindsNoError(bool multiFrame)
    {
        Vector3D[] positions = [new(0, 0, 0), new(0, 0, 2), new(0, 0, 4)];
        Write(Numbered(multiFrame ? [Named(new DicomBytes { SopClass = DicomBytes.EnhancedCtClass, FramePositions = positions })] : _oblique.Stack(Slices)));
        await AssertValidAsync(Source());
    }

    [Theory]
    [InlineData("ibsi-sts/dicom/STS_025/PET/image")]
    [InlineData("ibsi-sts/dicom/STS_025/MR_T1/image")]
    [InlineData("cornerstone-wado/CT0012.fragmented_no_bot_jpeg_baseline.51.dcm")] // Enhanced CT of two frames
    public async Task Write_RealSeries_DciodvfyFindsNoErrorAndFramesLieWhereTheSlicesLie(string series)
    {
        var path = SharedData.Path(series);
        var source = Source(path);
        await AssertValidAsync(source);
        var map = new ReadObject(MapOf(source));
        var affine = source.Header.Geometry.Affine;
        foreach (var (k, position) in map.Positions.Index())
        {
            // Real slices lie a little beside their even places, by how files round.
            Assert.True((new Vector3D(-position.X, -position.Y, position.Z) - affine.ToWorld(0, 0, k)).Length < 0.1, $"frame {k} at {position}");
        }

        Assert.Equal(source.Header.Shape.K, map.Sources.Distinct().Count());
    }

    private async Task AssertValidAsync(SourceSeries source)
    {
        foreach (var (kind, bytes) in new[] { ("ParametricMap", MapOf(source)), ("Segmentation", SegmentationOf(source)) })
        {
            await File.WriteAllBytesAsync(_folder[$"{kind}.dcm"], bytes, Token);
            var (found, errors) = await Dciodvfy.CheckAsync(_folder[$"{kind}.dcm"]);
            Assert.Empty(errors);
            Assert.Equal(kind, found);
        }
    }

    private static (ReadObject Map, ReadObject Segmentation) Objects(SourceSeries source) => (new(MapOf(source)), new(SegmentationOf(source)));

    private static byte[] MapOf(SourceSeries source)
    {
        using var stream = new MemoryStream();
        var map = ParametricMap.Begin(stream, source, OriginOf(source));
        foreach (var run in VoxelsFor(source).Chunk(7)) // as they come
        {
            map.Append(run);
        }

        map.Complete();
        return stream.ToArray();
    }

    private static byte[] SegmentationOf(SourceSeries source, double bound = Bound)
    {
        using var stream = new MemoryStream();
        var segmentation = new Segmentation(source.Header.Shape, bound);
        foreach (var run in VoxelsFor(source).Chunk(7))
        {
            segmentation.Append(run);
        }

        segmentation.Write(stream, source, OriginOf(source));
        return stream.ToArray();
    }

    private static float[] VoxelsFor(SourceSeries source) =>
        source.Header.Shape.VoxelCount == Heatmap.Length ? Heatmap : [.. Enumerable.Range(0, (int)source.Header.Shape.VoxelCount).Select(at => (float)Math.Sin(at))];

    private static ResultOrigin OriginOf(SourceSeries source) => new()
    {
        SourceSha256 = "51",
        HeatmapSha256 = "43",
        WorkKey = "b8",
        OrderedAt = new(2026, 11, 28, 12, 30, 0, TimeSpan.Zero),
        ClassNumber = 1,
        ClassName = "Läsion",
        Minimum = VoxelsFor(source).Min(),
        Maximum = VoxelsFor(source).Max(),
        ModelName = "model",
        Version = "0.2.0+test",
        Parameters = ["model 00", "method ToNNO"],
    };

    private static DataSet Measures(ReadObject result) => Assert.Single(result.Shared.Items(DicomTag.PixelMeasuresSequence));

    private static double[] Orientation(ReadObject result) => Assert.Single(result.Shared.Items(DicomTag.PlaneOrientationSequence)).Decimals(DicomTag.ImageOrientationPatient)!;

    /// <summary>As the files have it: ten decimals.</summary>
    private static Vector3D Round(Vector3D at) => new(Math.Round(at.X, 10), Math.Round(at.Y, 10), Math.Round(at.Z, 10));

    private static DicomBytes Named(DicomBytes file) => file with
    {
        Others = With(
            file.Others,
            (0x0008_0020, new(0, "DA", "20260102")),
            (0x0010_0010, new(0, "PN", "Doe^Jane")),
            (0x0010_0020, new(0, "LO", "PID 1")),
            (0x0020_000D, new(0, "UI", "1.7.1")),
            (0x0020_0052, new(0, "UI", "1.7.2"))),
    };

    private static IEnumerable<DicomBytes> Numbered(IEnumerable<DicomBytes> files) =>
        files.Select((file, at) => file with { Others = With(file.Others, (0x0008_0018, new(0, "UI", $"1.9.{at}"))) });

    private static Dictionary<uint, DicomAttribute?> With(IReadOnlyDictionary<uint, DicomAttribute?> others, params (uint Tag, DicomAttribute? Value)[] more)
    {
        var all = new Dictionary<uint, DicomAttribute?>(others);
        foreach (var (tag, value) in more)
        {
            all[tag] = value;
        }

        return all;
    }

    private void Write(IEnumerable<DicomBytes> files)
    {
        Directory.CreateDirectory(_folder["series"]);
        foreach (var (at, file) in files.Index())
        {
            File.WriteAllBytes(_folder[$"series/{at}"], file.ToArray());
        }
    }

    private SeriesUri Series() => SeriesOf(_folder["series"]);

    /// <param name="path">A folder, or a single file.</param>
    private static SeriesUri SeriesOf(string path) => new(path, DicomListing.Look(Directory.Exists(path) ? Directory.GetFiles(path)[0] : path).Dicom[0].Content!.SeriesKey);

    private SourceSeries Source() => Source(_folder["series"]);

    private static SourceSeries Source(string path)
    {
        var series = SeriesOf(path);
        return SourceSeries.Read(series, VolumeSource.Inspect([series.ToString()], Token).Sha256, null, Token);
    }
}
