using System.IO.Compression;
using System.Text;
using System.Text.RegularExpressions;
using ToNNO.Encoders.Networks;
using ToNNO.Encoders.Tests.Fixtures;

namespace ToNNO.Encoders.Tests.Networks;

public sealed class TorchScriptNetworkTests
{
    [Theory]
    [InlineData("residual", "residual")]
    [InlineData("residual_frozen", "residual")]
    [InlineData("transformer", "transformer")]
    [InlineData("vit", "vit")]
    public void Encode_Program_AgreesWithPyTorch(string program, string logits)
    {
        using var encoder = Encoder(Reference.Program(program));
        var actual = EncoderFixtures.Encode(encoder, Reference.Ramp(4 * 2 * 24 * 24, seed: 7), 4, 24);
        Assert.All(Reference.Logits(logits).Zip(actual), pair => Assert.Equal(pair.First, pair.Second, 1e-4));
    }

    [Theory]
    [InlineData("residual")]
    [InlineData("transformer")]
    public void Encode_BFloat16_StaysNearFloat32(string program)
    {
        Assert.SkipUnless(BFloat16Support.OnCpu, "This processor computes no bfloat16.");
        using var encoder = Encoder(Reference.Program(program), EncoderPrecision.Bf16);
        var actual = EncoderFixtures.Encode(encoder, Reference.Ramp(4 * 2 * 24 * 24, seed: 7), 4, 24);
        Assert.All(Reference.Logits(program).Zip(actual), pair => Assert.Equal(pair.First, pair.Second, 0.1));
    }

    [Fact]
    public void Encode_OtherBatchComposition_GivesSameBits()
    {
        using var encoder = Encoder(Reference.Program("residual"));
        const int Slice = 2 * 24 * 24;
        var pixels = Reference.Ramp(11 * Slice, seed: 2);
        var together = EncoderFixtures.Encode(encoder, pixels, 11, 24);
        Assert.Equal(together[9..24], EncoderFixtures.Encode(encoder, pixels.AsSpan(3 * Slice, 5 * Slice), 5, 24));
    }

    [Fact]
    public void Encode_AnyOutcome_LeavesNoTensor()
    {
        using var encoder = Encoder(Reference.Program("residual_frozen"));
        using var unpooled = Encoder(Reference.Program("unpooled"));
        EncoderFixtures.NoTensorStays(() =>
        {
            EncoderFixtures.Encode(encoder, Reference.Ramp(11 * 2 * 24 * 24, seed: 2), 11, 24);
            Assert.Throws<EncoderException>(() => EncoderFixtures.Encode(unpooled, new float[2 * 24 * 24], 1, 24));
        });
    }

    [Fact]
    public void Encode_MapInsteadOfLogits_IsRefused()
    {
        using var encoder = Encoder(Reference.Program("unpooled"));
        var refused = Assert.Throws<EncoderException>(() => EncoderFixtures.Encode(encoder, new float[2 * 24 * 24], 1, 24));
        Assert.Equal("model.unsupported", refused.Code);
        Assert.Contains($"[{TorchSliceEncoder.CpuBatchOf(24)}, 24, 24]", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Encode_OtherChannels_IsRefused()
    {
        using var encoder = Encoder(Reference.Program("residual"), channels: 3);
        var refused = Assert.Throws<EncoderException>(() => EncoderFixtures.Encode(encoder, new float[3 * 24 * 24], 1, 24));
        Assert.Equal("model.unsupported", refused.Code);
        Assert.Contains($"[{TorchSliceEncoder.CpuBatchOf(24)}, 3, 24, 24]", refused.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', refused.Message);
    }

    [Fact]
    public void Encode_FrozenInBFloat16_SaysNotToFreeze()
    {
        Assert.SkipUnless(BFloat16Support.OnCpu, "This processor computes no bfloat16.");
        using var encoder = Encoder(Reference.Program("residual_frozen"), EncoderPrecision.Bf16);
        var refused = Assert.Throws<EncoderException>(() => EncoderFixtures.Encode(encoder, new float[2 * 24 * 24], 1, 24));
        Assert.Equal("model.unsupported", refused.Code);
        Assert.Contains("do not freeze", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Constructor_NoProgram_IsRefused()
    {
        var program = Reference.Program("residual");
        Refused([], "model.weights_corrupt");
        Refused(Encoding.ASCII.GetBytes("not a zip archive at all"), "model.weights_corrupt");
        Refused(program[..^300], "model.weights_corrupt");
        Refused(Edited(code => code.Replace("def forward(", "def forward((", StringComparison.Ordinal)), "model.weights_corrupt");
        Refused(Edited(code => code.Replace("torch.mean(", "ops.torchvision.nms(", StringComparison.Ordinal)), "model.unsupported");
        Refused(Edited(code => code.Replace("torch.mean(", "torch.of_a_later_version(", StringComparison.Ordinal)), "model.unsupported");
        Refused(Edited(code => code.Replace("torch.mean(", "torch.symeig(", StringComparison.Ordinal)), "model.unsupported"); // gone since PyTorch 2.0
        Refused(Reference.Program("pair"), "model.unsupported");
    }

    [Fact]
    public void Constructor_BytesOfWeightsChanged_IsRefused()
    {
        var program = Reference.Program("residual");
        using var archive = new ZipArchive(new MemoryStream(program));
        var weights = archive.Entries.Where(entry => entry.FullName.Contains("/data/", StringComparison.Ordinal)).MaxBy(entry => entry.Length)!;
        using var content = weights.Open();
        var start = new byte[16];
        content.ReadExactly(start);
        var at = program.AsSpan().IndexOf(start);
        Assert.True(at > 0);
        program[at + 3] ^= 0x40;
        Refused(program, "model.weights_corrupt");
    }

    [Fact]
    public void Encode_DictionaryInsteadOfLogits_IsRefused()
    {
        using var encoder = Encoder(Edited(code => Regex.Replace(code.Replace("-> Tensor:", "-> Dict[str, Tensor]:", StringComparison.Ordinal), "return (.*)", "return {\"logits\": $1}")));
        var refused = Assert.Throws<EncoderException>(() => EncoderFixtures.Encode(encoder, new float[2 * 24 * 24], 1, 24));
        Assert.Equal("model.unsupported", refused.Code);
        Assert.Contains("one tensor of logits", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void CamLayers_FirstArgumentOfAnotherName_AreFound()
    {
        using var network = new TorchScriptNetwork(Edited(code => Regex.Replace(code, @"\bself\b", "mine"), "halves"), "model.ts");
        using var plain = new TorchScriptNetwork(Reference.Program("halves"), "model.ts");
        Assert.Equal(plain.CamLayers, network.CamLayers);
        Assert.Contains("features", network.CamLayers);
    }

    /// <summary>A program with another source text.</summary>
    private static byte[] Edited(Func<string, string> edit, string name = "unpooled")
    {
        using var file = new MemoryStream();
        using (var source = new ZipArchive(new MemoryStream(Reference.Program(name))))
        using (var target = new ZipArchive(file, ZipArchiveMode.Create, leaveOpen: true))
        {
            foreach (var entry in source.Entries)
            {
                using var content = new MemoryStream();
                using (var reading = entry.Open())
                {
                    reading.CopyTo(content);
                }

                var bytes = entry.Name.EndsWith(".py", StringComparison.Ordinal)
                    ? Encoding.UTF8.GetBytes(edit(Encoding.UTF8.GetString(content.ToArray())))
                    : content.ToArray();
                using var writing = target.CreateEntry(entry.FullName, CompressionLevel.NoCompression).Open();
                writing.Write(bytes);
            }
        }

        return file.ToArray();
    }

    private static void Refused(byte[] file, string code)
    {
        var refused = Assert.Throws<EncoderException>(() => new TorchScriptNetwork(file, "model.ts"));
        Assert.Equal(code, refused.Code);
        Assert.DoesNotContain('\n', refused.Message);
        Assert.Contains("model.ts", refused.Message, StringComparison.Ordinal);
    }

    private static TorchSliceEncoder Encoder(byte[] program, EncoderPrecision precision = EncoderPrecision.Fp32, int channels = 2) =>
        new(new TorchScriptNetwork(program, "model.ts", precision), Reference.Card(channels, 3), "cpu");
}
