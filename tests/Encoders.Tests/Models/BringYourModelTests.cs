using System.Diagnostics;
using System.Text.Json;
using System.Text.RegularExpressions;

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
        await File.WriteAllTextAsync(_folder["export.py"], $"{Before}\n{Assert.Single(blocks["python"])}\n{After}\n", TestContext.Current.CancellationToken);
        await File.WriteAllTextAsync(_folder["metadata.json"], Assert.Single(blocks["json"]), TestContext.Current.CancellationToken);
        var (exit, errors) = await RunAsync("export.py");
        Assert.True(exit == 0, errors);

        using var encoder = Assert.IsType<ICamEncoder>(EncoderFactory.Open(_folder.Path, "cpu"), exactMatch: false);
        var expected = JsonSerializer.Deserialize<float[][]>(await File.ReadAllBytesAsync(_folder["expected.json"], TestContext.Current.CancellationToken))!;
        Assert.Equal(["features"], encoder.CamLayers);
        var request = new CamRequest(CamKind.LayerCam, encoder.ResolveCamLayer(null));
        var (logits, maps) = CamTests.EncodeCam(encoder, expected[0], 3, 96, request);
        // The frozen program has its normalisation folded: float32 rounds otherwise in each of six layers.
        Assert.All(expected[1].Zip(logits), pair => Assert.Equal(pair.First, pair.Second, 1e-4));
        Assert.True(expected[2].Max() > 0);
        Assert.All(expected[2].Zip(maps), pair => Assert.Equal(pair.First, pair.Second, 1e-4 * expected[2].Max()));
        Assert.Equal(logits, EncoderFixtures.Encode(encoder, expected[0], 3, 96));
    }

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
