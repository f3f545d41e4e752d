using System.Text.Json.Nodes;
using ToNNO.Encoders;
using ToNNO.Encoders.Checking;
using ToNNO.Encoders.Models;
using ToNNO.Encoders.Networks;
using ToNNO.Encoders.Weights;
using static TorchSharp.torch;

namespace ToNNO.Cluster.Tests;

public sealed class ModelCommandTests : IDisposable
{
    private readonly Workplace _work = new();

    public void Dispose() => _work.Dispose();

    [Fact]
    public async Task Check_SoundModel_PassesAndTellsAll()
    {
        var model = SmallModel.Save(_work["model"]);
        var outcome = await TonnoProcess.RunAsync("model", "check", model);
        Assert.True(outcome.ExitCode == 0, outcome.ToString());
        Assert.Empty(outcome.Errors);
        Assert.Equal("result      passed", outcome.Summary);
        foreach (var name in new[] { "model", "SHA-256", "slices", "intensity", "classes", "reference", "neighbours", "maps", "speed", "tensors" })
        {
            Assert.Contains(outcome.Out, line => line.StartsWith($"{name,-12}", StringComparison.Ordinal));
        }

        var json = await TonnoProcess.RunAsync("model", "check", model, "--json", "--size", "32", "--device", "cpu");
        Assert.True(json.ExitCode == 0, json.ToString());
        var report = JsonNode.Parse(string.Join('\n', json.Out))!;
        Assert.Equal((32, "small-cnn", "lesion"), (report["size"]!.GetValue<int>(), report["architecture"]!.GetValue<string>(), report["card"]!["classes"]![0]!.GetValue<string>()));
        Assert.True(report["speeds"]!.AsArray().All(speed => speed!["slicesPerSecond"]!.GetValue<double>() > 0));
        Assert.Empty(report["problems"]!.AsArray());
    }

    [Fact]
    public async Task Check_ReferenceOfOtherWeights_FailsInASentence()
    {
        var model = SmallModel.Save(_work["model"]);
        using (NewDisposeScope())
        {
            using var file = File.Create(Path.Combine(model, ModelReference.FileName));
            Safetensors.Write(file, new Dictionary<string, Tensor> { ["slices"] = zeros(2, 1, 16, 16), ["logits"] = ones(2, 1) });
        }

        var outcome = await TonnoProcess.RunAsync("model", "check", model);
        Assert.True(outcome.ExitCode == 2, outcome.ToString());
        Assert.Matches(@"^model\.reference_differs: The logit of slice 0 for lesion .+\.$", Assert.Single(outcome.Errors));
        Assert.Equal("result      failed: model.reference_differs", outcome.Summary);
        Assert.Equal(0, (await TonnoProcess.RunAsync("model", "check", model, "--tolerance", "2")).ExitCode);
    }

    [Fact]
    public async Task New_ThenAgain_WritesOnceAndRefuses()
    {
        var outcome = await TonnoProcess.RunAsync("model", "new", _work["new"], "--channels", "2", "--classes", "liver lesion, metastasis", "--size", "96", "--pixel", "1.5");
        Assert.True(outcome.ExitCode == 0, outcome.ToString());
        Assert.Equal(["README.md", "export.py", "metadata.json"], Directory.EnumerateFiles(_work["new"]).Select(Path.GetFileName).Order(StringComparer.Ordinal)!);
        Assert.Contains("metastasis", await File.ReadAllTextAsync(_work["new/metadata.json"], TestContext.Current.CancellationToken), StringComparison.Ordinal);
        var again = await TonnoProcess.RunAsync("model", "new", _work["new"]);
        Assert.Equal(2, again.ExitCode);
        Assert.Matches(@"^model\.exists: .+\.$", Assert.Single(again.Errors));
    }

    [Theory]
    [InlineData("model", "check", "nowhere")]
    [InlineData("model", "check", "builtin:other")]
    [InlineData("model", "check", "")]
    [InlineData("model", "check", "builtin:sum", "--device", "toaster")]
    [InlineData("model", "check", "builtin:sum", "--size", "0")]
    [InlineData("model", "new", "")]
    [InlineData("model", "new", "/proc/model")]
    [InlineData("model", "new", "never", "--classes", "a,,b")]
    [InlineData("model", "new", "never", "--classes", "a,a")]
    [InlineData("model", "new", "never", "--channels", "0")]
    public async Task Misused_OneSentence(params string[] arguments)
    {
        var outcome = await TonnoProcess.RunAsync(arguments);
        Assert.True(outcome.ExitCode == 2, outcome.ToString());
        Assert.Matches("^[a-z_.]+: .+\\.$", Assert.Single(outcome.Errors));
        Assert.False(Directory.Exists("never"));
    }

    [Fact]
    public async Task Run_ModelThatIsNotItsMetadata_RefusedBeforeAnyWork()
    {
        // It takes two channels, and its metadata say one.
        var model = SmallModel.Save(_work["model"]);
        using var sound = ModelFolder.Load(model);
        File.Delete(Path.Combine(model, ModelFolder.WeightsFile));
        File.Copy(Path.Combine(AppContext.BaseDirectory, "residual.ts"), Path.Combine(model, ModelFolder.ProgramFile));
        await File.WriteAllBytesAsync(
            Path.Combine(model, ModelFolder.MetadataFile), MetadataJson.Write(sound.Metadata with { Architecture = new TorchScriptArchitecture(1, 1) }), TestContext.Current.CancellationToken);
        _work.Write("a.nii", Workplace.Volume(1).Plain());
        var outcome = await TonnoProcess.RunAsync("run", "-i", _work.In, "-m", model, "-o", _work.Out);
        Assert.True(outcome.ExitCode == 2, outcome.ToString());
        Assert.Matches(@"^model\.unsupported: .+\.$", Assert.Single(outcome.Errors));
        Assert.False(Directory.Exists(_work.Out));
    }

    [Theory]
    [InlineData(0, 0)]
    [InlineData(100, 2)]
    public async Task Run_BFloat16BeyondItsBound_RefusedBeforeAnyWork(float off, int exitCode)
    {
        // The reference says of one slice something else than the network does.
        const int Count = 6, Size = 24;
        var model = SmallModel.Save(_work["model"]);
        ModelMetadata metadata;
        using (var sound = ModelFolder.Load(model))
        {
            var intensity = sound.Card.Intensities[0];
            metadata = sound.Metadata with
            {
                Architecture = new TorchScriptArchitecture(2, 3),
                SliceSize = Size,
                Classes = ["a", "b", "c"],
                Intensities = [intensity, intensity],
            };
        }

        void Write(EncoderPrecision precision) =>
            File.WriteAllBytes(Path.Combine(model, ModelFolder.MetadataFile), MetadataJson.Write(metadata with { Precision = precision }));
        File.Delete(Path.Combine(model, ModelFolder.WeightsFile));
        File.Copy(Path.Combine(AppContext.BaseDirectory, "residual.ts"), Path.Combine(model, ModelFolder.ProgramFile));
        Write(EncoderPrecision.Fp32);
        var slices = new float[Count * 2 * Size * Size];
        for (var at = 0; at < slices.Length; at++)
        {
            slices[at] = at / (2 * Size * Size);
        }

        using (NewDisposeScope())
        {
            var logits = new float[Count * 3];
            using (var full = EncoderFactory.Open(model, "cpu"))
            {
                full.Encode(slices, Count, new(Size, 2), logits);
            }

            logits[4] += off;
            using var file = File.Create(Path.Combine(model, ModelReference.FileName));
            Safetensors.Write(file, new Dictionary<string, Tensor> { ["slices"] = tensor(slices, [Count, 2, Size, Size]), ["logits"] = tensor(logits, [Count, 3]) });
        }

        Write(EncoderPrecision.Bf16);
        try
        {
            EncoderFactory.Open(model, "cpu").Dispose();
        }
        catch (EncoderException absent) when (absent.Error == EncoderError.DeviceUnavailable)
        {
            Assert.Skip("This processor computes no bfloat16.");
        }

        _work.Write("a_0000.nii", Workplace.Volume(1, edge: 12).Plain());
        _work.Write("a_0001.nii", Workplace.Volume(2, edge: 12).Plain());
        var outcome = await TonnoProcess.RunAsync("run", "-i", _work.In, "-m", model, "-o", _work.Out, "--directions", "8", "--pixel", "2");
        Assert.True(outcome.ExitCode == exitCode, outcome.ToString());
        Assert.Equal(exitCode == 0, Directory.Exists(_work.Out));
        if (exitCode != 0)
        {
            Assert.Matches(@"^model\.reference_differs: The logit of slice 1 for b .+\.$", Assert.Single(outcome.Errors));
        }
    }
}
