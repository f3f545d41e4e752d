using System.Text;
using ToNNO.Tomography.Filtering;
using ToNNO.Tomography.Geometry;
using ToNNO.Tomography.Sampling;

namespace ToNNO.Contracts.Tests;

public class DocumentsTests
{
    private static readonly RunDocument Run = new()
    {
        RunId = new("run-7"),
        Settings = new RunSettings
        {
            Model = "builtin:sum",
            ModelSha256 = "abc",
            Set = DirectionSetKind.Fibonacci,
            Directions = 100,
            SpacingMm = 0.1,
            Alpha = 0.5,
            Window = FilterWindow.ThreePoint,
            Intensities = [IntensityMap.Identity],
            Threshold = new HeatmapThreshold(0.3, OfPeak: true),
        },
        InputCount = 2001,
        SubmittedAt = new(2026, 11, 24, 18, 30, 0, TimeSpan.Zero),
        State = RunState.Paused,
        Priority = -3,
        Epoch = 4,
    };

    private static readonly RunInputPage Page =
        new([new RunInput(new VolumeId("sub-01"), ["/archive/sub-01.nii"]), new RunInput(new VolumeId("sub-02"), ["/archive/sub-02.nii"], "lesion")]);

    private static readonly VolumeResult Result = new()
    {
        VolumeId = new("sub-01"),
        RunId = new("run-7"),
        WorkKey = "key",
        Input = new(["sub-01.nii"], "hash", new(4, 5, 6), [[1, 0, 0, -3.5], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]),
        Settings = Run.Settings,
        Sampling = new(100, 61, 1, 1, 60, new(1, 2, 3)),
        Slices = new(6100, 6000, 100, 5000),
        Seconds = new(1, 2, 3, 4, 5, 6),
        Heatmaps = [new("tumour", "heatmap.nii.gz", -1, 2, 0.5, new(1, 2, 3), new(4, 5, 6), -0.25)],
        Software = new("0.1.0", ".NET 10", "Linux", "cpu"),
        Warnings = ["thick slices"],
        Files = new Dictionary<string, VolumeResult.FileFacts> { ["heatmap.nii.gz"] = new("hash", 1 << 20) },
    };

    [Fact]
    public void ToString_OfAResult_TellsNoLabel() => Assert.Equal("sub-01", (Result with { Input = Result.Input with { Label = "lesion of Doe" } }).ToString());

    [Fact]
    public void ToBytes_ThenTryParse_IsTheSameDocument()
    {
        AssertRoundTrip(Run);
        AssertRoundTrip(Run with { State = RunState.Finished, Counts = new RunCounts(5, 1, 2, 3, 4, 0) });
        AssertRoundTrip(Page);
        AssertRoundTrip(new RunInputPage([]));
        AssertRoundTrip(Run with { Settings = Run.Settings with { Threshold = null, SpacingMm = null, Intensities = [new(-1000, 400, -1024)] } });
        AssertRoundTrip(Result);
        AssertRoundTrip(Result with { Input = Result.Input with { Label = "lesion" } });
        AssertRoundTrip(Result with { Software = Result.Software with { Libtorch = "2.10.0.0", Batches = [8, 16] } });
        AssertRoundTrip(Result with { Heatmaps = [Result.Heatmaps[0] with { Threshold = 0.7, Consistency = new(0.1, 0.2) }, Result.Heatmaps[0]], Warnings = [] });
    }

    [Fact]
    public void ToBytes_Run_IsReadable()
    {
        var text = Encoding.UTF8.GetString(Documents.ToBytes(Run));
        Assert.Contains("\"runId\": \"run-7\"", text, StringComparison.Ordinal);
        Assert.Contains("\"window\": \"threePoint\"", text, StringComparison.Ordinal);
        Assert.Contains("\"low\": \"-Infinity\"", text, StringComparison.Ordinal);
        Assert.DoesNotContain("null", text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("{}")]
    [InlineData("[]")]
    [InlineData("7")]
    [InlineData("\"run\"")]
    [InlineData("{\"runId\": null}")]
    [InlineData("{\"runId\": 7}")]
    [InlineData("\uFEFF{")]
    public void TryParse_OtherJson_IsNull(string json)
    {
        Assert.Null(Documents.TryParse<RunDocument>(Encoding.UTF8.GetBytes(json)));
        Assert.Null(Documents.TryParse<VolumeResult>(Encoding.UTF8.GetBytes(json)));
    }

    [Theory]
    [InlineData("\"low\": \"-Infinity\"", "\"low\": \"NaN\"")]
    [InlineData("\"directions\": 100", "\"directions\": \"many\"")]
    [InlineData("\"directions\": 100", "\"directions\": 1e99")]
    [InlineData("\"directions\": 100,", "")]
    [InlineData("\"set\": \"fibonacci\"", "\"set\": \"spiral\"")]
    [InlineData("\"state\": \"paused\"", "\"state\": \"asleep\"")]
    [InlineData("\"runId\": \"run-7\",", "")]
    public void TryParse_RunWithAFault_IsNull(string whole, string fault)
    {
        var text = Encoding.UTF8.GetString(Documents.ToBytes(Run));
        Assert.Contains(whole, text, StringComparison.Ordinal);
        Assert.Null(Documents.TryParse<RunDocument>(Encoding.UTF8.GetBytes(text.Replace(whole, fault, StringComparison.Ordinal))));
    }

    [Theory]
    [InlineData("\"uris\": [", "\"uri\": [")]
    [InlineData("\"uris\": [", "\"uris\": null, \"addedLater\": [")]
    [InlineData("\"volumeId\": \"sub-01\"", "\"volumeId\": null")]
    [InlineData("\"volumeId\": \"sub-01\",", "")]
    public void TryParse_PageWithAFault_IsNull(string whole, string fault)
    {
        var text = Encoding.UTF8.GetString(Documents.ToBytes(Page));
        Assert.Contains(whole, text, StringComparison.Ordinal);
        Assert.Null(Documents.TryParse<RunInputPage>(Encoding.UTF8.GetBytes(text.Replace(whole, fault, StringComparison.Ordinal))));
    }

    [Fact]
    public void TryParse_UnknownField_IsIgnored()
    {
        var text = Encoding.UTF8.GetString(Documents.ToBytes(Run)).Replace("\"runId\"", "\"addedLater\": {\"x\": [1]}, \"runId\"", StringComparison.Ordinal);
        Assert.NotNull(Documents.TryParse<RunDocument>(Encoding.UTF8.GetBytes(text)));
    }

    [Fact]
    public void TryParse_DamagedBytes_IsADocumentOrNull()
    {
        var random = new Random(11);
        var (read, refused) = (0, 0);
        foreach (var bytes in new[] { Documents.ToBytes(Run), Documents.ToBytes(Result) })
        {
            for (var round = 0; round < 10_000; round++)
            {
                var damaged = bytes.AsSpan(0, random.Next(10) == 0 ? random.Next(bytes.Length) : bytes.Length).ToArray();
                for (var change = random.Next(1, 4); change > 0 && damaged.Length > 0; change--)
                {
                    damaged[random.Next(damaged.Length)] = (byte)random.Next(256);
                }

                var parsed = (object?)Documents.TryParse<RunDocument>(damaged) ?? Documents.TryParse<VolumeResult>(damaged);
                (read, refused) = parsed is null ? (read, refused + 1) : (read + 1, refused);
                // What was read can be written: nothing in it is missing.
                _ = parsed switch { RunDocument run => Documents.ToBytes(run), VolumeResult result => Documents.ToBytes(result), _ => [] };
            }
        }

        // Both ends of the parser were reached, many times.
        Assert.True(read > 100 && refused > 5000, $"{read} read, {refused} refused");
    }

    private static void AssertRoundTrip<T>(T document)
        where T : class
    {
        var bytes = Documents.ToBytes(document);
        var back = Documents.TryParse<T>(bytes);
        Assert.NotNull(back);
        Assert.Equal(Encoding.UTF8.GetString(bytes), Encoding.UTF8.GetString(Documents.ToBytes(back)));
    }
}
