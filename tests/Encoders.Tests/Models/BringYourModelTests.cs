using System.Diagnostics;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using ToNNO.Encoders.Checking;
using ToNNO.Encoders.Models;
using ToNNO.Encoders.Networks;

namespace ToNNO.Encoders.Tests.Models;

/// <summary>Follows docs/bring-your-model.md to the letter, with a network of a ResNet's parts.</summary>
public sealed partial class BringYourModelTests : IDisposable
{
    private const string Python = "/usr/bin/python3";

    private const string Before = """
        import torch
        torch.manual_seed(5)
        def stage(a, b):
            return torch.nn.Sequential(torch.nn.Conv2d(a, b, 3, 2, 1, bias=False), torch.nn.BatchNorm2d(b), torch.nn.ReLU(inplace=True))
        network = torch.nn.Module()
        network.conv1, network.bn1 = torch.nn.Conv2d(1, 4, 7, 2, 3, bias=False), torch.nn.BatchNorm2d(4)
        network.relu, network.maxpool = torch.nn.ReLU(inplace=True), torch.nn.MaxPool2d(3, 2, 1)
        network.layer1, network.layer2, network.layer3, network.layer4 = stage(4, 6), stage(6, 8), stage(8, 8), stage(8, 8)
        network.fc = torch.nn.Linear(8, 1)
        for module in network.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.running_mean.normal_(0, .1), module.running_var.uniform_(.5, 1.5), module.weight.data.normal_(), module.bias.data.normal_()
        network.eval()
        """;

    private const string After = """
        import json
        slices = torch.randn(3, 1, 96, 96)
        features = network.maxpool(network.relu(network.bn1(network.conv1(slices))))
        for part in (network.layer1, network.layer2, network.layer3, network.layer4):
            features = part(features)
        features = features.detach().requires_grad_(True)
        logits = network.fc(features.mean([2, 3]))
        gradient, = torch.autograd.grad(logits.sum(), features)
        maps = (gradient.clamp(min=0) * features).sum(1).clamp(min=0)
        with open("expected.json", "w") as file:
            json.dump([tensor.flatten().tolist() for tensor in (slices, logits, maps)], file)
        """;

    private readonly EncoderFixtures.TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Export_LinesOfTheGuide_MakeAModelThatAgrees()
    {
        Assert.SkipUnless(File.Exists(Python) && (await RunAsync("-c", "import torch")).ExitCode == 0, $"{Python} has no torch here (Debian: python3-torch).");
        var guide = await File.ReadAllTextAsync(Path.Combine(AppContext.BaseDirectory, "bring-your-model.md"), TestContext.Current.CancellationToken);
        var blocks = Blocks().Matches(guide).ToLookup(match => match.Groups["language"].Value, match => match.Groups["text"].Value);
        await File.WriteAllTextAsync(_folder["export.py"], $"{Before}\n{string.Join('\n', blocks["python"])}\n{After}\n", TestContext.Current.CancellationToken);
        await File.WriteAllTextAsync(_folder["metadata.json"], Assert.Single(blocks["json"]), TestContext.Current.CancellationToken);
        var (exit, errors) = await RunAsync("export.py");
        Assert.True(exit == 0, errors);

        using var encoder = Assert.IsType<ICamEncoder>(EncoderFactory.Open(_folder.Path, "cpu"), exactMatch: false);
        var expected = JsonSerializer.Deserialize<float[][]>(await File.ReadAllBytesAsync(_folder["expected.json"], TestContext.Current.CancellationToken))!;
        Assert.Equal(["features"], encoder.CamLayers);
        var request = new CamRequest(CamKind.LayerCam, encoder.ResolveCamLayer(null), [0]);
        var (logits, maps) = CamTests.EncodeCam(encoder, expected[0], 3, 96, request);
        // The frozen program has its normalisation folded: float32 rounds otherwise in each of six layers.
        Assert.All(expected[1].Zip(logits), pair => Assert.Equal(pair.First, pair.Second, 1e-4));
        Assert.True(expected[2].Max() > 0);
        Assert.All(expected[2].Zip(maps), pair => Assert.Equal(pair.First, pair.Second, 1e-4 * expected[2].Max()));
        Assert.Equal(logits, EncoderFixtures.Encode(encoder, expected[0], 3, 96));

        var report = ModelCheck.Run(_folder.Path, new ModelCheckOptions { Device = "cpu", SpeedTime = TimeSpan.Zero });
        Assert.Empty(report.Problems);
        Assert.Equal((4, 128, true), (report.Reference!.Slices, report.Size, report.Reference.Holds));
    }

    [Fact]
    public async Task Skeleton_AsItIsWritten_ExportsAModelThatPasses()
    {
        Assert.SkipUnless(File.Exists(Python) && (await RunAsync("-c", "import torch")).ExitCode == 0, $"{Python} has no torch here (Debian: python3-torch).");
        foreach (var precision in BFloat16Support.OnCpu ? new[] { "float32", "bfloat16" } : ["float32"])
        {
            var folder = _folder[precision];
            ModelSkeleton.Write(folder, channels: 2, ["a", "b", "c"], size: 40, pixelMm: 1.5);
            Assert.Equal(["README.md", "export.py", "metadata.json"], Directory.EnumerateFiles(folder).Select(Path.GetFileName).Order(StringComparer.Ordinal)!);
            var metadata = await File.ReadAllTextAsync(Path.Combine(folder, "metadata.json"), TestContext.Current.CancellationToken);
            await File.WriteAllTextAsync(
                Path.Combine(folder, "metadata.json"), metadata.Replace("\"float32\",\n    \"pixel", $"\"{precision}\",\n    \"pixel", StringComparison.Ordinal), TestContext.Current.CancellationToken);
            var (exit, errors) = await RunAsync(Path.Combine(folder, "export.py"));
            Assert.True(exit == 0, errors);
            // Logits of random weights hardly differ from slice to slice, and bfloat16 is held to the difference.
            double? tolerance = precision == "bfloat16" ? 0.01 : null;
            var report = ModelCheck.Run(folder, new ModelCheckOptions { Device = "cpu", SpeedTime = TimeSpan.Zero, Tolerance = tolerance });
            Assert.Empty(report.Problems);
            Assert.Equal(precision == "bfloat16", report.BFloat16 is not null);
            Assert.Equal((precision, 40, 2), (report.Precision == EncoderPrecision.Bf16 ? "bfloat16" : "float32", report.Size, report.Card.Channels));
            Assert.Equal(["a", "b", "c"], report.Card.Classes);
            Assert.Equal(1.5, report.Card.PixelMm);
            Assert.True(report.Reference!.Holds);
            Assert.Equal(("features", 10), (Assert.Single(report.Maps).Layer, report.Maps[0].Edge));
            Assert.Equal("model.exists", Assert.Throws<EncoderException>(() => ModelSkeleton.Write(folder, 1, ["a"], null, null)).Code);
        }
    }

    [Fact]
    public void Skeleton_KeysOfItsMetadata_AreAllExplained()
    {
        ModelSkeleton.Write(_folder["m"], channels: 1, ["a"], size: null, pixelMm: null);
        var readme = File.ReadAllText(_folder["m/README.md"]);
        var root = JsonNode.Parse(File.ReadAllBytes(_folder["m/metadata.json"]))!.AsObject();
        foreach (var key in root["tonno"]!.AsObject().Select(pair => pair.Key).Where(key => key != "architecture"))
        {
            Assert.Contains($"`tonno.{key}`", readme, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Skeleton_WhereNothingCanBeWritten_SaysSo() =>
        Assert.Equal("model.unwritable", Assert.Throws<EncoderException>(() => ModelSkeleton.Write("/proc/model", 1, ["a"], null, null)).Code);

    private async Task<(int ExitCode, string Errors)> RunAsync(params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(Python, arguments) { WorkingDirectory = _folder.Path, RedirectStandardError = true })!;
        var errors = await process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return (process.ExitCode, errors);
    }

    [GeneratedRegex(@"^```(?<language>\w+)\n(?<text>.*?)^```", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Blocks();
}
