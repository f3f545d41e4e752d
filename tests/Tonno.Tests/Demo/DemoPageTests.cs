using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using ToNNO.Imaging.Previews;
using ToNNO.Tomography.Geometry;
using ToNNO.Tonno.Demo;

namespace ToNNO.Tonno.Tests.Demo;

public partial class DemoPageTests
{
    private const string Chromium = "/usr/bin/chromium";
    private const string Hostile = "</script><script>document.body.dataset.hacked=1</script>\"'&{{data}}";

    [Fact]
    public void Build_Page_NeedsNoNetwork()
    {
        var page = DemoPage.Build(Report("Demonstration"));

        Assert.DoesNotContain("http://", page, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain("https://", page, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotMatch("(src|href)=\"(?!data:|#)", page);
        Assert.DoesNotMatch(@"\{\{", page);
    }

    [Fact]
    public void Build_HostileText_IsEscaped()
    {
        var page = DemoPage.Build(Report(Hostile));

        Assert.Equal(2, Regex.Count(page, "<script"));
        Assert.DoesNotContain("dataset.hacked=1</script>", page, StringComparison.Ordinal);
        Assert.Contains("&lt;/script&gt;&lt;script&gt;", page, StringComparison.Ordinal);
        Assert.Equal(Hostile + " 0", ViewerData(page).GetProperty("cases")[0].GetProperty("id").GetString());
    }

    [Fact]
    public void Build_Cases_EachHasItsRowItsPictureAndItsVolumes()
    {
        var page = DemoPage.Build(Report("case"));

        Assert.Equal(2, Regex.Count(page, "<figure "));
        Assert.Equal(2, Regex.Count(page, "<img src=\"data:image/png;base64,[A-Za-z0-9+/]+=*\" alt=\"[^\"]+\""));
        Assert.Contains(">0.61<", page, StringComparison.Ordinal);
        Assert.Contains("1 of 2", page, StringComparison.Ordinal);
        foreach (var one in ViewerData(page).GetProperty("cases").EnumerateArray())
        {
            Assert.Equal(Shape.VoxelCount, one.GetProperty("image").GetBytesFromBase64().Length);
            Assert.Equal(255, one.GetProperty("heat").GetBytesFromBase64().Max());
        }
    }

    [Fact]
    public void Build_SameReport_SamePage() => Assert.Equal(DemoPage.Build(Report("again")), DemoPage.Build(Report("again")));

    [Fact]
    public void Build_WrongLengths_AreRefused()
    {
        var report = Report("short");
        Assert.Throws<ArgumentException>(() => DemoPage.Build(
            report with { Cases = [report.Cases[0] with { Heatmap = new float[2] }] }));
        Assert.Throws<ArgumentException>(() => DemoPage.Build(
            report with { Cases = [report.Cases[0] with { ReferenceMask = new byte[2] }] }));
    }

    [Fact]
    public void Of_CaseWithoutDice_IsLeftOutOfTheMean()
    {
        var report = Report("mean");
        var means = DemoMeans.Of([report.Cases[0], report.Cases[1] with { Dice = double.NaN }]);
        Assert.Equal(report.Cases[0].Dice, means.Dice);
        Assert.Equal((1, 2, 2.0), (means.PeaksInMask, means.Cases, means.Duration.TotalSeconds));
    }

    [Fact]
    public async Task Build_InABrowser_TheViewerRuns()
    {
        var document = await DumpDomAsync(DemoPage.Build(Report(Hostile)));

        Assert.DoesNotMatch("<body[^>]*data-error", document);
        Assert.DoesNotMatch("<body[^>]*data-hacked", document);
        Assert.Matches("<body[^>]*data-ready=\"true\"", document);
        Assert.Equal(3, Regex.Count(document, "<canvas[^>]*aria-label=\"(Axial|Coronal|Sagittal) plane of"));
        Assert.Contains("voxel (3, 6, 4)", document, StringComparison.Ordinal);
        Assert.Contains("inside the expert's outline", document, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Build_InABrowser_TheViewerObeysWheelKeysAndClicks()
    {
        // Written into a copy of the page, so that the page's own script is what answers.
        const string Actions = """
            <script>
            addEventListener("load", () => {
              const [axial, coronal] = document.querySelectorAll("#planes canvas"), told = [];
              const send = (target, event) => target.dispatchEvent(event);
              const frames = () => new Promise(done => setTimeout(done, 200));
              const tell = () => told.push(/voxel \(([^)]*)\)/.exec(document.getElementById("readout").textContent)[1].replaceAll(" ", ""));
              (async () => {
                send(axial, new WheelEvent("wheel", { deltaY: 100, cancelable: true })); await frames(); tell();
                send(axial, new KeyboardEvent("keydown", { key: "ArrowRight", cancelable: true })); await frames(); tell();
                const box = coronal.getBoundingClientRect();
                send(coronal, new MouseEvent("pointermove", { buttons: 1, clientX: box.left + 2, clientY: box.top + 2 })); await frames(); tell();
                send(axial, new KeyboardEvent("keydown", { key: "Home", cancelable: true })); await frames(); tell();
                document.getElementById("case").value = "1";
                send(document.getElementById("case"), new Event("change")); await frames(); tell();
                document.body.dataset.told = told.join(";");
              })().catch(error => { document.body.dataset.error = error; });
            });
            </script></body>
            """;
        // Virtual time runs timers to their end but draws next to no frames.
        const string Frames = "<head><script>window.requestAnimationFrame = callback => setTimeout(callback, 16);</script>";
        var page = DemoPage.Build(Report("actions"))
            .Replace("<head>", Frames, StringComparison.Ordinal)
            .Replace("</body>", Actions, StringComparison.Ordinal);
        var document = await DumpDomAsync(page);

        Assert.DoesNotMatch("<body[^>]*data-error", document);
        var told = TellTale().Match(document).Groups[1].Value.Split(';');

        // A slice towards the feet; a voxel to the patient's left; the right of the head; the peak; the other case's peak.
        Assert.Equal(["3,6,3", "2,6,3", "7,6,5", "3,6,4", "3,6,4"], told);
    }

    [Fact]
    public async Task Build_InABrowser_AnyAxisOrderShowsTheSameSides()
    {
        // A blob in the patient's left, front and head, in a box of 48 by 60 by 64 mm that is stored in four ways.
        AffineTransform[] affines =
        [
            AffineTransform.Scaling(2, 3, 4),
            new(new(-2, 0, 0), new(0, -3, 0), new(0, 0, 4), new(46, 57, 0)),
            new(new(0, 0, -4), new(2, 0, 0), new(0, 3, 0), new(0, 0, 60)),
            new(new(0, 3, 0), new(0, 0, 4), new(-2, 0, 0), new(46, 0, 0)),
        ];
        VolumeShape[] shapes = [new(24, 20, 16), new(24, 20, 16), new(16, 24, 20), new(20, 16, 24)];
        var report = Report("sides");
        var cases = affines.Zip(shapes, (affine, shape) => Blob(report.Cases[0], new(shape, affine), new(10, 45, 48))).ToArray();
        const string Measure = """
            <script>
            addEventListener("load", () => {
              const told = [];
              for (let number = 0; number < 4; number++) {
                document.getElementById("case").value = String(number);
                document.getElementById("case").dispatchEvent(new Event("change"));
                for (const canvas of document.querySelectorAll("#planes canvas")) {
                  const { width, height } = canvas, pixels = canvas.getContext("2d").getImageData(0, 0, width, height).data;
                  let [x, y, count] = [0, 0, 0];
                  for (let p = 0; p < width * height; p++) {
                    if (pixels[4 * p] > 130 && pixels[4 * p] - pixels[4 * p + 2] > 70) { x += p % width; y += Math.floor(p / width); count++; }
                  }
                  told.push((x / count / width).toFixed(3), (y / count / height).toFixed(3), (width / height).toFixed(3));
                }
              }
              document.body.dataset.told = told.join(";");
            });
            </script></body>
            """;
        var document = await DumpDomAsync(
            DemoPage.Build(report with { Cases = cases }).Replace("</body>", Measure, StringComparison.Ordinal));
        var told = TellTale().Match(document).Groups[1].Value.Split(';')
            .Select(text => double.Parse(text, CultureInfo.InvariantCulture)).ToArray();

        // + ends lie at the left and the top; see the renderer's own tests.
        var (x, y, z) = (1 - (11 / 48.0), 1 - (46.5 / 60), 1 - (50 / 64.0));
        double[] expected = [x, y, 48 / 60.0, x, z, 48 / 64.0, y, z, 60 / 64.0];
        Assert.Equal(4 * expected.Length, told.Length);
        for (var index = 0; index < told.Length; index++)
        {
            Assert.Equal(expected[index % expected.Length], told[index], 0.03);
        }
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(0f)]
    public async Task Build_HeatmapWithoutAPeak_StillRuns(float value)
    {
        var report = Report("flat");
        var flat = report.Cases[0] with { Heatmap = Enumerable.Repeat(value, (int)Shape.VoxelCount).ToArray(), ReferenceMask = default };
        var document = await DumpDomAsync(DemoPage.Build(report with { Cases = [flat] }));
        Assert.DoesNotMatch("<body[^>]*data-error", document);
        Assert.Matches("<body[^>]*data-ready=\"true\"", document);
    }

    [Fact]
    public async Task Build_NoCases_StillRuns()
    {
        var document = await DumpDomAsync(DemoPage.Build(Report("none") with { Cases = [], Means = DemoMeans.Of([]) }));
        Assert.Matches("<body[^>]*data-ready=\"true\"", document);
    }

    private static readonly VolumeShape Shape = new(8, 9, 6);

    private static DemoReport Report(string text)
    {
        var geometry = new VolumeGeometry(Shape, AffineTransform.Scaling(2, 3, 4));
        var peak = geometry.Affine.ToWorld(3, 6, 4);
        var heat = new float[Shape.VoxelCount];
        var mask = new byte[Shape.VoxelCount];
        for (var index = 0; index < heat.Length; index++)
        {
            var world = geometry.Affine.ToWorld(index % Shape.I, index / Shape.I % Shape.J, index / Shape.I / Shape.J);
            heat[index] = (float)Math.Exp(-Math.Pow((world - peak).Length / 6, 2));
            mask[index] = (byte)((world - peak).Length < 5 ? 1 : 0);
        }

        var image = new Volume(geometry, heat);
        var threshold = new HeatmapThreshold(0.5, OfPeak: true);
        var png = PreviewRenderer.RenderPng(new(image, heat, text) { ReferenceMask = mask, Threshold = threshold });
        DemoCase[] cases =
        [
            .. Enumerable.Range(0, 2).Select(index => new DemoCase(
                $"{text} {index}", 0.61 + (0.1 * index), 0.75, 0.2, index == 0, TimeSpan.FromSeconds(1 + (2 * index)))
            {
                PreviewPng = png,
                Image = image,
                Heatmap = heat,
                ReferenceMask = mask,
                Threshold = threshold,
            }),
        ];
        return new(text, [text], [new("Network", text)], [new("Directions", text)], cases, DemoMeans.Of(cases));
    }

    private static DemoCase Blob(DemoCase like, VolumeGeometry geometry, Vector3D centreMm)
    {
        var shape = geometry.Shape;
        var heat = new float[shape.VoxelCount];
        for (var index = 0; index < heat.Length; index++)
        {
            var world = geometry.Affine.ToWorld(index % shape.I, index / shape.I % shape.J, index / shape.I / shape.J);
            heat[index] = (float)Math.Exp(-Math.Pow((world - centreMm).Length / 7, 2));
        }

        return like with { Image = new(geometry, heat), Heatmap = heat, ReferenceMask = default };
    }

    private static JsonElement ViewerData(string page)
    {
        var json = Regex.Match(page, "<script type=\"application/json\" id=\"data\">(.*?)</script>", RegexOptions.Singleline);
        return JsonDocument.Parse(json.Groups[1].Value).RootElement;
    }

    internal static async Task<string> DumpDomAsync(string page)
    {
        Assert.SkipUnless(File.Exists(Chromium), $"There is no browser at {Chromium}: the page's script was not run.");
        var folder = Directory.CreateTempSubdirectory("tonno-demo-page");
        try
        {
            var file = Path.Combine(folder.FullName, "page.html");
            var cancellation = TestContext.Current.CancellationToken;
            await File.WriteAllTextAsync(file, page, cancellation);
            var start = new ProcessStartInfo(Chromium) { RedirectStandardOutput = true, RedirectStandardError = true };
            string[] arguments =
            [
                "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
                "--disable-component-update", "--disable-sync", $"--user-data-dir={Path.Combine(folder.FullName, "profile")}",
                "--virtual-time-budget=5000", "--dump-dom", new Uri(file).AbsoluteUri,
            ];
            foreach (var argument in arguments)
            {
                start.ArgumentList.Add(argument);
            }

            using var browser = Process.Start(start)!;
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
            limit.CancelAfter(TimeSpan.FromMinutes(2));
            var output = browser.StandardOutput.ReadToEndAsync(limit.Token);
            var errors = browser.StandardError.ReadToEndAsync(limit.Token);
            try
            {
                await browser.WaitForExitAsync(limit.Token);
                var document = await output;
                Assert.True(document.Length > 0, $"The browser printed nothing: {await errors}");
                return document;
            }
            finally
            {
                if (!browser.HasExited)
                {
                    browser.Kill(entireProcessTree: true);
                }
            }
        }
        finally
        {
            // A browser's helpers may still be writing for a moment after it has gone.
            try
            {
                folder.Delete(recursive: true);
            }
            catch (IOException)
            {
            }
        }
    }

    [GeneratedRegex("<body[^>]*data-told=\"([^\"]*)\"")]
    private static partial Regex TellTale();
}
