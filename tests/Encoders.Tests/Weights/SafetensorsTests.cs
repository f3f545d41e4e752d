using System.Buffers.Binary;
using System.Text;
using ToNNO.Encoders.Weights;
using static TorchSharp.torch;

namespace ToNNO.Encoders.Tests.Weights;

public sealed class SafetensorsTests
{
    private const string Two = """{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[1,1],"data_offsets":[8,12]}}""";

    [Fact]
    public void Write_ThenReadInto_KeepsBits()
    {
        using var scope = NewDisposeScope();
        var written = new Dictionary<string, Tensor>
        {
            ["b.weight"] = tensor(EncoderFixtures.Pixels(1, 24), [2, 3, 4]),
            ["a"] = tensor([float.NaN, -0f, float.Epsilon, float.PositiveInfinity]),
            ["scalar"] = tensor(3.5f),
            ["empty"] = zeros(0, 7),
        };
        var file = Bytes(written);
        var read = written.ToDictionary(pair => pair.Key, pair => ones_like(pair.Value));
        Safetensors.ReadInto(new MemoryStream(file), read, "test");
        foreach (var (name, tensor) in written)
        {
            Assert.Equal(tensor.bytes, read[name].bytes);
        }

        Assert.Equal(0, (8 + BitConverter.ToInt64(file, 0)) % 8);
    }

    [Fact]
    public void ReadHeader_MetadataAndPadding_AreAllowed()
    {
        var entries = Safetensors.ReadHeader(File("""{"__metadata__":{"format":"pt"},""" + Two[1..] + "   ", 12), "test");
        Assert.Equal(["a", "b"], entries.Select(entry => entry.Name));
        Assert.Equal([2L], entries[0].Shape);
    }

    [Theory]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", 9)] // a byte too many
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", 7)] // a byte too few
    [InlineData("""{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}""", 8)] // shape against offsets
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}""", 8)]
    [InlineData("""{"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}}""", 8)]
    [InlineData("""{"a":{"dtype":"F32","shape":[2.5],"data_offsets":[0,8]}}""", 8)]
    [InlineData("""{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}}""", 0)] // product overflows
    [InlineData("""{"a":{"dtype":"F32","shape":[0,9223372036854775807,2],"data_offsets":[4,4]}}""", 0)]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}""", 12)] // hole
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}""", 12)] // overlap
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}""", 8)] // twice
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"shape":[1],"data_offsets":[0,4]}}""", 4)]
    [InlineData("""{"a":{"dtype":"F33","shape":[1],"data_offsets":[0,4]}}""", 4)]
    [InlineData("""{"a":{"dtype":"F32","shape":[1]}}""", 4)]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"extra":1}}""", 4)]
    [InlineData("""{"a":[]}""", 0)]
    [InlineData("""{"\ud800":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}""", 4)]
    [InlineData("""[]""", 0)]
    [InlineData("""{"a":""", 0)]
    public void ReadHeader_Malformed_IsRefused(string header, int dataBytes)
    {
        var error = Assert.Throws<EncoderException>(() => Safetensors.ReadHeader(File(header, dataBytes), "w.safetensors"));
        Assert.Equal("model.weights_corrupt", error.Code);
        Assert.Contains("w.safetensors", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(ulong.MaxValue)]
    [InlineData(1UL << 40)]
    [InlineData(0UL)]
    public void ReadHeader_AbsurdHeaderLength_IsRefused(ulong length)
    {
        var file = new byte[64];
        BinaryPrimitives.WriteUInt64LittleEndian(file, length);
        Assert.Equal("model.weights_corrupt", Assert.Throws<EncoderException>(() => Safetensors.ReadHeader(new MemoryStream(file), "w")).Code);
        Assert.Equal("model.weights_corrupt", Assert.Throws<EncoderException>(() => Safetensors.ReadHeader(new MemoryStream(file, 0, 5), "w")).Code);
    }

    [Fact]
    public void ReadHeader_HalfPrecision_SaysWhatToDo()
    {
        var error = Assert.Throws<EncoderException>(
            () => Safetensors.ReadHeader(File("""{"a":{"dtype":"F16","shape":[2],"data_offsets":[0,4]}}""", 4), "w"));
        Assert.Equal("model.unsupported", error.Code);
        Assert.Contains("float32", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void ReadInto_OtherNetwork_NamesAllDifferences()
    {
        using var scope = NewDisposeScope();
        var other = new Dictionary<string, Tensor> { ["a"] = zeros(3), ["c"] = zeros(1) };
        var error = Assert.Throws<EncoderException>(() => Safetensors.ReadInto(File(Two, 12), other, "w"));
        Assert.Equal("model.weights_mismatch", error.Code);
        foreach (var name in new[] { "\"a\"", "\"b\"", "\"c\"" })
        {
            Assert.Contains(name, error.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void ReadInto_MutatedFile_ReadsOrRefuses()
    {
        using var scope = NewDisposeScope();
        var tensors = new Dictionary<string, Tensor> { ["layers.0.weight"] = zeros(4, 1, 3, 3), ["bias"] = zeros(4) };
        var file = Bytes(tensors);
        var headerEnd = 8 + (int)BitConverter.ToInt64(file, 0);
        var random = new Random(17);
        var refused = 0;
        for (var trial = 0; trial < 20_000; trial++)
        {
            var mutated = (byte[])file.Clone();
            for (var change = random.Next(1, 4); change > 0; change--)
            {
                // Mostly digits and punctuation: random bytes would hardly ever pass the JSON parser.
                mutated[random.Next(headerEnd)] = random.Next(3) == 0 ? (byte)random.Next(256) : (byte)"0123456789,:[]{}\"-"[random.Next(18)];
            }

            var length = random.Next(4) == 0 ? random.Next(file.Length + 1) : file.Length;
            try
            {
                Safetensors.ReadInto(new MemoryStream(mutated, 0, length), tensors, "fuzz");
            }
            catch (EncoderException error)
            {
                Assert.StartsWith("model.", error.Code, StringComparison.Ordinal);
                refused++;
            }
        }

        Assert.InRange(refused, 15_000, 19_999);
    }

    private static byte[] Bytes(Dictionary<string, Tensor> tensors)
    {
        using var stream = new MemoryStream();
        Safetensors.Write(stream, tensors);
        return stream.ToArray();
    }

    private static MemoryStream File(string header, int dataBytes)
    {
        var text = Encoding.UTF8.GetBytes(header);
        var file = new byte[8 + text.Length + dataBytes];
        BinaryPrimitives.WriteInt64LittleEndian(file, text.Length);
        text.CopyTo(file, 8);
        return new MemoryStream(file);
    }
}
