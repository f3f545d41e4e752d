using System.IO.Compression;
using ToNNO.Imaging.Dicom;
using ToNNO.Imaging.Nifti;
using ToNNO.Tests.Support;
using ToNNO.Tomography.Geometry;

namespace ToNNO.Imaging.Tests.Dicom;

/// <summary>Series written by hand, whose every voxel is known.</summary>
public sealed class DicomSeriesTests : IDisposable
{
    private static readonly DicomBytes _slice = new();
    private readonly TemporaryFolder _folder = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(DicomBytes.Explicit, false)]
    [InlineData(DicomBytes.Explicit, true)]
    [InlineData(DicomBytes.Implicit, false)]
    [InlineData(DicomBytes.Implicit, true)]
    [InlineData(DicomBytes.BigEndian, false)]
    [InlineData(DicomBytes.BigEndian, true)]
    [InlineData(DicomBytes.Deflated, true)]
    public void Load_EachWayToWriteIt_SameVolume(string syntax, bool undefinedLengths)
    {
        // Sequences that are passed over, two deep, with an attribute in them that would mislead.
        var nested = DicomBytes.Sequence([new(0x0008_1150, "UI", "1.2"), DicomBytes.Sequence([new DicomAttribute(0x0028_0010, "US", (ushort)9)]) with { Tag = 0x0040_A170 }], []);
        var others = new Dictionary<uint, DicomAttribute?> { [0x0008_1140] = nested, [0x0020_4000] = new(0, "UT", "a comment") };
        Write((_slice with { Syntax = syntax, UndefinedLengths = undefinedLengths, Others = others }).Stack(3));
        AssertCounts(Load());
        AssertHeadersTellTheSame();

        Clear();
        Write([Enhanced() with { Syntax = syntax, UndefinedLengths = undefinedLengths, Others = others }]);
        AssertCounts(Load());
        AssertHeadersTellTheSame();
    }

    [Fact]
    public void ReadHeaders_LongHeadersBeforeMuchMorePixels_PixelsAreNotRead()
    {
        var comment = new DicomAttribute(0, "UT", new string('x', 40_000)); // past the first window
        var slice = _slice with { Rows = 1200, Columns = 1000, Others = new Dictionary<uint, DicomAttribute?> { [0x0020_4000] = comment } };
        Write(slice.Stack(3));
        AssertHeadersTellTheSame();
        foreach (var file in Directory.GetFiles(_folder.Path))
        {
            using var pixels = File.OpenWrite(file);
            pixels.SetLength(pixels.Length - 100);
        }

        // Short by the header's own count, which needs no look at pixels.
        Assert.Equal("dicom.truncated", Assert.Throws<ImagingException>(() => VolumeSource.ReadHeaders([Uri(_folder.Path)], Token)).Code);
    }

    [Fact]
    public void Load_FilesNamedInAnyOrder_SlicesLieByPosition()
    {
        Write(_slice.Stack(3).Reverse());
        var volume = Load();
        AssertCounts(volume);
        var affine = volume.Volume.Geometry.Affine;
        Assert.Equal(new AffineTransform(new(-0.5, 0, 0), new(0, -0.75, 0), new(0, 0, 2), new(10, 20, 30)), affine with { I = affine.I, J = affine.J });
    }

    [Fact]
    public void Load_SlopesOfTheSlicesDiffer_EachSliceHasItsOwn()
    {
        Write(_slice.Stack(3).Select((slice, k) => slice with { Slope = $"{k + 0.5}", Intercept = $"{-k}" }));
        var volume = Load().Volume;
        Assert.False(volume.Samples.IsInt16);
        for (var k = 0; k < 3; k++)
        {
            Assert.Equal(((k + 0.5f) * (7 + (20 * k))) - k, volume[2, 1, k]);
        }
    }

    [Theory]
    [InlineData(16, 12, 11, true, 0xF801, -2047)]
    [InlineData(16, 12, 11, false, 0xF801, 0x801)]
    [InlineData(16, 12, 15, true, 0x801F, -2047)]
    [InlineData(16, 16, 15, false, 0xFFFE, 65534)]
    [InlineData(16, 16, 15, true, 0xFFFE, -2)]
    [InlineData(8, 8, 7, false, 0xFE, 254)]
    [InlineData(8, 8, 7, true, 0xFE, -2)]
    [InlineData(8, 5, 7, true, 0xF7, -2)]
    public void Load_BitsOfEveryForm_AreTheValueAndNothingBesides(int allocated, int stored, int high, bool isSigned, ushort word, int value)
    {
        Write((_slice with { Bits = (allocated, stored, high), IsSigned = isSigned, Pixel = _ => word, Slope = null, Intercept = null }).Stack(2));
        Assert.All(Load().Volume.Samples.AsFloats(), sample => Assert.Equal(value, sample));
    }

    [Fact]
    public void Load_BytesInWordsOfBigEndian_AreTurned()
    {
        var words = new DicomAttribute(0, "OW", Enumerable.Range(0, 10).Select(at => (ushort)((((2 * at) + 1) << 8) | (2 * at))).ToArray());
        var slice = _slice with { Syntax = DicomBytes.BigEndian, Bits = (8, 8, 7), IsSigned = false, Slope = null, Intercept = null };
        Write((slice with { Others = new Dictionary<uint, DicomAttribute?> { [0x7FE0_0010] = words } }).Stack(2));
        Assert.Equal(Enumerable.Range(0, 20).Select(at => (float)at), Load().Volume.Samples.AsFloats()[..20]);
    }

    [Fact]
    public void Load_Rle_RunsLiteralsAndBothBytes()
    {
        // 20 words 0x0101 ... by hand: high bytes one run of 20 ones; low bytes 15 literals, a byte that says nothing, a run of five 9s.
        byte[] header = [2, 0, 0, 0, 64, 0, 0, 0, 66, 0, 0, 0, .. new byte[52]];
        byte[] code = [.. header, 237, 1, 14, .. Enumerable.Range(0, 15).Select(at => (byte)at), 128, 252, 9, 0];
        Write((_slice with { Syntax = DicomBytes.Rle, Fragments = [[], code], Slope = null, Intercept = null }).Stack(2));
        Assert.Equal(
            [.. Enumerable.Range(0, 15).Select(at => 256f + at), .. Enumerable.Repeat(265f, 5)], Load().Volume.Samples.AsFloats()[..20]);
    }

    [Fact]
    public void Load_MonochromeOne_ValuesStayAsTheyAre()
    {
        Write((_slice with { Photometric = "MONOCHROME1" }).Stack(3));
        AssertCounts(Load());
    }

    [Fact]
    public void Scan_PassesTheVolumeByInMemoryOrder()
    {
        Write(_slice.Stack(3).Reverse());
        var passed = new List<float>();
        using var series = Open();
        series.Scan(run => passed.AddRange(run), Token);
        Assert.Equal(Load().Volume.Samples.AsFloats(), passed);
    }

    [Fact]
    public void Inspect_SameFilesElsewhereOrZipped_SameHash_OneByteOther_AnotherHash()
    {
        Write(_slice.Stack(3));
        var uri = Uri(_folder.Path);
        var facts = VolumeSource.Inspect([uri], Token);
        Directory.CreateDirectory(_folder["zips"]);
        ZipFile.CreateFromDirectory(MovedTo("elsewhere"), _folder["zips/z.bin"]);
        Assert.Equal(facts.Sha256, VolumeSource.Inspect([Uri(_folder["elsewhere"])], Token).Sha256);
        Assert.Equal(facts.Sha256, VolumeSource.Inspect([Uri(_folder["zips/z.bin"])], Token).Sha256);
        AssertCounts(VolumeSource.Load([Uri(_folder["zips/z.bin"])], facts.Sha256, long.MaxValue, Token)[0]);

        var file = Directory.GetFiles(_folder["elsewhere"])[0];
        var bytes = File.ReadAllBytes(file);
        bytes[^1] ^= 1;
        File.WriteAllBytes(file, bytes);
        var changed = Assert.Throws<ImagingException>(() => VolumeSource.Load([Uri(_folder["elsewhere"])], facts.Sha256, long.MaxValue, Token));
        Assert.Equal("source.changed", changed.Code);
    }

    [Theory]
    [InlineData("dicom.mixed_series", "size")]
    [InlineData("dicom.mixed_series", "frame of reference")]
    [InlineData("dicom.mixed_series", "modality")]
    [InlineData("dicom.mixed_series", "patient")]
    [InlineData("dicom.mixed_series", "study")]
    [InlineData("dicom.mixed_series", "inverted")]
    [InlineData("dicom.mixed_series", "rescale type")]
    [InlineData("dicom.mixed_series", "unit")]
    [InlineData("dicom.mixed_series", "not rescaled")]
    [InlineData("dicom.mixed_series", "echo")]
    [InlineData("dicom.mixed_series", "projection")]
    [InlineData("dicom.localizer", "localizer")]
    [InlineData("dicom.missing_slices", "claim")]
    [InlineData("dicom.missing_slices", "gap")]
    [InlineData("dicom.mixed_orientations", "orientation")]
    [InlineData("dicom.duplicate_positions", "double")]
    [InlineData("dicom.colour", "colour")]
    [InlineData("dicom.mosaic", "mosaic")]
    [InlineData("dicom.attribute_missing", "slope")]
    [InlineData("dicom.attribute_missing", "no slope")]
    [InlineData("dicom.attribute_missing", "empty slope")]
    [InlineData("dicom.attribute_missing", "no intercept")]
    [InlineData("dicom.attribute_missing", "empty intercept")]
    [InlineData("dicom.attribute_missing", "position")]
    [InlineData("dicom.pixels_unsupported", "table")]
    [InlineData("dicom.pixels_unsupported", "bits")]
    [InlineData("dicom.attribute_invalid", "high bit")]
    [InlineData("dicom.truncated", "short")]
    [InlineData("dicom.damaged", "encapsulated")]
    [InlineData("dicom.pixels_damaged", "rle")]
    [InlineData("dicom.uneven_spacing", "far")]
    public void Open_OneSliceUnlikeTheOthers_RefusedByName(string code, string how)
    {
        var slices = _slice.Stack(6).ToList();
        slices[3] = how switch
        {
            "size" => slices[3] with { Rows = 5 },
            "frame of reference" => With(0x0020_0052, new(0, "UI", "1.9")),
            "modality" => With(0x0008_0060, new(0, "CS", "PT")),
            "patient" => With(DicomTag.PatientId, new(0, "LO", "another")),
            "study" => With(DicomTag.StudyInstanceUid, new(0, "UI", "1.77")),
            "inverted" => slices[3] with { Photometric = "MONOCHROME1" },
            "rescale type" => With(DicomTag.RescaleType, new(0, "LO", "US")),
            "unit" => With(DicomTag.Units, new(0, "CS", "BQML")),
            "not rescaled" => slices[3] with { Others = new Dictionary<uint, DicomAttribute?> { [DicomTag.RescaleSlope] = null, [DicomTag.RescaleIntercept] = null } },
            "echo" => With(DicomTag.EchoTime, new(0, "DS", "90")),
            "projection" => slices[3] with { ImageType = @"DERIVED\SECONDARY\MIP" },
            "localizer" => slices[3] with { ImageType = @"ORIGINAL\PRIMARY\LOCALIZER" },
            "claim" => With(0x0054_0081, new(0, "US", (ushort)7)),
            "gap" => slices[2] with { Series = "1.5" },
            "orientation" => slices[3] with { Orientation = (new(0, 1, 0), new(0, 0, -1)) },
            "double" => slices[3] with { Position = slices[2].Position },
            "colour" => slices[3] with { Photometric = "RGB" },
            "mosaic" => slices[3] with { ImageType = @"ORIGINAL\PRIMARY\MOSAIC" },
            "slope" => slices[3] with { Slope = "1,5" },
            "no slope" => slices[3] with { Slope = null },
            "empty slope" => slices[3] with { Slope = "" },
            "no intercept" => slices[3] with { Intercept = null },
            "empty intercept" => slices[3] with { Intercept = "" },
            "position" => With(0x0020_0032, null),
            "table" => With(0x0028_3000, DicomBytes.Sequence([new DicomAttribute(0x0028_3006, "US", (ushort)1)])),
            "bits" => slices[3] with { Bits = (32, 32, 31) },
            "high bit" => slices[3] with { Bits = (16, 14, 12) },
            "short" => With(0x7FE0_0010, new(0, "OW", new ushort[19])),
            "encapsulated" => slices[3] with { Fragments = [[], new byte[40]] },
            "rle" => slices[3] with { Syntax = DicomBytes.Rle, Fragments = [[], [2, .. new byte[80]]] },
            _ => With(0x0020_0032, new(0, "DS", @"-10\-20\1e300")),
        };
        Write(slices);
        var refused = Assert.Throws<ImagingException>(() => Load());
        Assert.Equal(code, refused.Code);
        if (how != "rle") // which only its pixels tell
        {
            Assert.Equal(refused.Message, Assert.Throws<ImagingException>(() => VolumeSource.ReadHeaders([Uri(_folder.Path)], Token)).Message);
        }

        DicomBytes With(uint tag, DicomAttribute? attribute) =>
            slices[3] with { Others = new Dictionary<uint, DicomAttribute?> { [tag] = attribute } };
    }

    /// <summary>What a file of its own is refused for among others, a frame is.</summary>
    [Theory]
    [InlineData("dicom.mixed_series", "rescale type")]
    [InlineData("dicom.mixed_series", "not rescaled")]
    [InlineData("dicom.mixed_series", "echo")]
    [InlineData("dicom.mixed_series", "converted echo")]
    [InlineData("dicom.mixed_series", "projection")]
    [InlineData("dicom.mixed_series", "stack")]
    [InlineData("dicom.localizer", "localizer CT")]
    [InlineData("dicom.localizer", "localizer MR")]
    [InlineData("dicom.localizer", "localizer PET")]
    [InlineData("dicom.localizer", "localizers")]
    [InlineData("dicom.attribute_missing", "no slope")]
    [InlineData(null, "all alike")]
    public void Open_OneFrameUnlikeTheOthers_RefusedByName(string? code, string how)
    {
        Write([Enhanced() with { Slope = null, FrameGroups = frame => Groups(isOther: frame == 1) }]);
        var refused = Record.Exception(() => Load()) as ImagingException;
        Assert.Equal(code, refused?.Code);
        Assert.Equal(refused?.Message, (Record.Exception(() => VolumeSource.ReadHeaders([Uri(_folder.Path)], Token)) as ImagingException)?.Message);

        // The same of two files, each of frames that are alike; but stacks are numbered anew in each.
        Clear();
        var places = _slice.Stack(6).Select(slice => slice.Position).Chunk(3);
        Write(places.Select((positions, file) => Enhanced() with { Syntax = DicomBytes.Implicit, Slope = null, FramePositions = positions, FrameGroups = _ => Groups(isOther: file == 1) }));
        Assert.Equal(how == "stack" ? null : code, (Record.Exception(() => Load()) as ImagingException)?.Code);

        IEnumerable<(uint, DicomAttribute[])> Groups(bool isOther)
        {
            var (is90, echo) = (isOther && how.EndsWith("echo", StringComparison.Ordinal), how.StartsWith("converted", StringComparison.Ordinal));
            yield return (DicomTag.FrameContentSequence, [new(DicomTag.StackId, "SH", isOther && how == "stack" ? "2" : "1")]);
            yield return echo
                ? (DicomTag.UnassignedPerFrameConvertedAttributesSequence, [new(DicomTag.EchoTime, "DS", is90 ? "90" : "12.5")])
                : (DicomTag.MrEchoSequence, [new(DicomTag.EffectiveEchoTime, "FD", BitConverter.GetBytes(is90 ? 90 : 12.5))]);
            var type = how == "localizers" || (isOther && how.StartsWith("localizer", StringComparison.Ordinal)) ? "LOCALIZER" : isOther && how == "projection" ? "MIP" : "VOLUME";
            var sequence = how[^2..] switch { "MR" => DicomTag.MrImageFrameTypeSequence, "ET" => DicomTag.PetFrameTypeSequence, _ => DicomTag.CtImageFrameTypeSequence };
            yield return (sequence, [new(DicomTag.FrameType, "CS", $@"ORIGINAL\PRIMARY\{type}\NONE")]);
            if (isOther && how == "no slope")
            {
                yield return (DicomTag.PixelValueTransformationSequence, [new(DicomTag.RescaleIntercept, "DS", "-1024")]);
            }
            else if (!(isOther && how == "not rescaled"))
            {
                yield return (DicomTag.PixelValueTransformationSequence, DicomBytes.Rescale("1", "-1024", isOther && how == "rescale type" ? "US" : "HU"));
            }
        }
    }

    [Theory]
    [InlineData(DicomTag.RescaleSlope, DicomTag.RescaleIntercept, "dicom.attribute_invalid")]
    [InlineData(DicomTag.RescaleIntercept, DicomTag.RescaleIntercept, "dicom.attribute_missing")]
    [InlineData(DicomTag.ModalityLutSequence, DicomTag.ModalityLutSequence, "dicom.pixels_unsupported")]
    public void Open_EnhancedFileWithIntensitiesOutsideOfItsFrames_Refused(uint one, uint other, string code)
    {
        DicomAttribute Value(uint tag) => tag == DicomTag.ModalityLutSequence ? DicomBytes.Sequence([new DicomAttribute(0x0028_3006, "US", (ushort)1)]) : new(0, "DS", "2");
        var outside = Enhanced() with { Others = new Dictionary<uint, DicomAttribute?> { [one] = Value(one), [other] = Value(other) } };
        Write([outside with { Slope = null }]);
        Assert.Equal(code, Assert.Throws<ImagingException>(() => Load()).Code);
        if (one == DicomTag.RescaleSlope)
        {
            Write([outside]); // whose frames tell
            AssertCounts(Load());
        }
    }

    /// <summary>The spacing of what is left is even: only the numbers, with what the files tell of it, show what is gone.</summary>
    [Theory]
    [InlineData(2, 2.0, null, "dicom.missing_slices")]
    [InlineData(3, 2.0, null, "dicom.missing_slices")]
    [InlineData(2, null, 2.0, "dicom.missing_slices")]
    [InlineData(1, 2.0, null, null)] // whole
    [InlineData(2, 4.0, 2.0, null)] // one echo of two that were numbered together
    [InlineData(2, null, 2.5, null)] // overlapping, so that thickness tells nothing
    [InlineData(2, null, null, null)]
    public void Open_EverySoManiethSlice_RefusedWhereFilesTellTheirStep(int each, double? betweenMm, double? thicknessMm, string? code)
    {
        Write(_slice.Stack(12).Select((slice, at) => slice with
        {
            Others = new Dictionary<uint, DicomAttribute?>
            {
                [DicomTag.InstanceNumber] = new(0, "IS", $"{at + 1}"),
                [DicomTag.SpacingBetweenSlices] = Decimal(betweenMm),
                [DicomTag.SliceThickness] = Decimal(thicknessMm),
            },
        }).Where((_, at) => at % each == 0).Reverse());
        Assert.Equal(code, (Record.Exception(() => Open().Dispose()) as ImagingException)?.Code);

        static DicomAttribute? Decimal(double? value) => value is { } mm ? new(0, "DS", FormattableString.Invariant($"{mm}")) : null;
    }

    /// <summary>Files called as NIfTI are not looked at by the listing of series: what they are, opening them tells.</summary>
    [Theory]
    [InlineData("s0.nii", ".dcm")]
    [InlineData("s0.hdr", ".dcm")]
    [InlineData("s0.nii.gz", ".dcm")]
    [InlineData("zipped.nii", ".zip")]
    [InlineData("zipped.nii#frame=0", ".zip")]
    public void Open_CalledNiftiAndIsNot_TellsWhatItIs(string uri, string itsName)
    {
        var path = _folder[uri.Split('#')[0]];
        if (itsName == ".dcm")
        {
            File.WriteAllBytes(path, _slice.ToArray());
        }
        else
        {
            using var zip = ZipFile.Open(path, ZipArchiveMode.Create);
            using var content = zip.CreateEntry("a.nii").Open();
            content.Write(new NiftiBytes().Plain());
        }

        var refused = Assert.Throws<ImagingException>(() => VolumeSource.ReadHeaders([_folder[uri]], Token));
        Assert.Equal("nifti.not_nifti", refused.Code);
        Assert.Contains(itsName, refused.Message, StringComparison.Ordinal);
        Assert.Equal(refused.Message, Assert.Throws<ImagingException>(() => VolumeSource.Inspect([_folder[uri]], Token)).Message);
    }

    [Fact]
    public void Load_PlanesThatDoNotFitTheLimit_RefusedBeforeMemoryIsTaken()
    {
        Write(_slice.Stack(3));
        using var series = Open();
        Assert.Equal("volume.too_large", Assert.Throws<ImagingException>(() => series.Read(series.PredictedBytes - 1, Token)).Code);
        Assert.Equal(60, series.Read(series.PredictedBytes, Token).Volume.Samples.Count);
    }

    /// <summary>Three slices as the frames of one file.</summary>
    private static DicomBytes Enhanced() => _slice with
    {
        SopClass = DicomBytes.EnhancedCtClass,
        FramePositions = [.. _slice.Stack(3).Select(slice => slice.Position)],
    };

    /// <summary>That voxel n has the stored value n.</summary>
    private static void AssertCounts(NiftiVolume volume)
    {
        Assert.Equal(new VolumeShape(5, 4, 3), volume.Volume.Geometry.Shape);
        Assert.Equal(Enumerable.Range(0, 60).Select(at => at - 1024f), volume.Volume.Samples.AsFloats());
        Assert.True(volume.Volume.Samples.IsInt16);
    }

    private void Write(IEnumerable<DicomBytes> slices)
    {
        var index = 0;
        foreach (var slice in slices)
        {
            File.WriteAllBytes(_folder[$"{index++:D3}"], slice.ToArray());
        }
    }

    private void AssertHeadersTellTheSame()
    {
        var (whole, headers) = (VolumeSource.Inspect([Uri(_folder.Path)], Token).Headers, VolumeSource.ReadHeaders([Uri(_folder.Path)], Token));
        Assert.Equal(whole.PredictedBytes, headers.PredictedBytes);
        Assert.Equal((whole.ByChannel[0].Geometry, whole.ByChannel[0].DataType), (headers.ByChannel[0].Geometry, headers.ByChannel[0].DataType));
    }

    private void Clear() => Array.ForEach(Directory.GetFiles(_folder.Path), File.Delete);

    private string MovedTo(string name)
    {
        Directory.CreateDirectory(_folder[name]);
        foreach (var file in Directory.GetFiles(_folder.Path).Reverse())
        {
            File.Move(file, Path.Combine(_folder[name], $"{Path.GetFileName(file)[^1] ^ 1}.dcm"));
        }

        return _folder[name];
    }

    private static string Uri(string container) => new SeriesUri(container, SeriesUri.KeyOf("1.2.3.4")).ToString();

    private DicomSeries Open() => DicomSeries.Open(SeriesUri.TryParse(Uri(_folder.Path))!, null, Token);

    private NiftiVolume Load()
    {
        using var series = Open();
        return series.Read(long.MaxValue, Token);
    }
}
