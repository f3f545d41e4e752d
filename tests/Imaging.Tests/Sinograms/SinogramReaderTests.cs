using System.IO.Compression;
using System.Text;
using ToNNO.Imaging.Sinograms;
using static ToNNO.Imaging.Tests.Sinograms.SinogramFixture;

namespace ToNNO.Imaging.Tests.Sinograms;

public sealed class SinogramReaderTests
{
    private static readonly Sinogram _sinogram = Make();
    private static readonly Dictionary<string, byte[]> _arrays = Arrays(Bytes(_sinogram));

    [Fact]
    public void Read_Written_SameToTheLastBit() => AssertSame(_sinogram, Read(Bytes(_sinogram)));

    [Fact]
    public void Read_StoredEntries_Same() => AssertSame(_sinogram, Read(Npz(_arrays, CompressionLevel.NoCompression)));

    /// <summary>Files that make_numpy.py saved again, with other types and versions of the format.</summary>
    [Theory]
    [InlineData("numpy_stored.npz")]
    [InlineData("numpy_compressed.npz")]
    public void Read_SavedByNumPy_Same(string file) =>
        AssertSame(_sinogram, SinogramFile.Read(Path.Combine(AppContext.BaseDirectory, "Sinograms", "Fixtures", file)));

    [Fact]
    public void Read_FloatsOfTwiceTheSize_Rounded()
    {
        var blank = Npy("<f8", "(2,)", 0.1, -0.2);
        Assert.Equal([0.1f, -0.2f], Read(Npz(new(_arrays) { ["blank_logit.npy"] = blank })).BlankLogits);
    }

    [Fact]
    public void Read_KeysInAnotherOrder_Same()
    {
        var header = "{'shape':(),'descr':'<f8','fortran_order':True}";
        byte[] alpha = [0x93, .. "NUMPY"u8, 3, 0, (byte)header.Length, 0, 0, 0, .. Encoding.ASCII.GetBytes(header), .. BitConverter.GetBytes(0.5)];
        AssertSame(_sinogram, Read(Npz(new(_arrays) { ["alpha.npy"] = alpha })));
    }

    [Fact]
    public void Read_NoFile_Refused()
    {
        Assert.Equal("file.missing", Assert.Throws<ImagingException>(() => SinogramFile.Read("/nowhere/sinogram.npz")).Code);
        Assert.Equal("file.unreadable", Assert.Throws<ImagingException>(() => SinogramFile.Read(AppContext.BaseDirectory)).Code);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(100)]
    public void Read_NoZip_Refused(int length) => Assert.Equal("sinogram.not_npz", Refusal(new byte[length]).Code);

    [Fact]
    public void Read_AnArrayLacking_NamesIt()
    {
        foreach (var name in _arrays.Keys)
        {
            var lacking = new Dictionary<string, byte[]>(_arrays);
            lacking.Remove(name);
            var refused = Refusal(Npz(lacking));
            Assert.Equal("sinogram.array_missing", refused.Code);
            Assert.Contains($"no array {name[..^4]}:", refused.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Read_OfAnOlderVersion_SaysSo()
    {
        var refused = Refusal("logits", Npy("<f4", "(2, 3)", new float[6]));
        Assert.Equal("sinogram.array_invalid", refused.Code);
        Assert.Equal("Array logits of s.npz has shape (2, 3), not (any, any, any): run again where an older version made it.", refused.Message);
    }

    public static TheoryData<string, byte[]> Invalid() => new()
    {
        { "logits", Npy(">f4", "(2, 5, 19)", new float[190]) },
        { "logits", Npy("<f4", "(0, 5, 19)", Array.Empty<float>()) },
        { "logits", Npy("<f4", "(2, 5, 19)", [.. new float[100], float.NaN, .. new float[89]]) },
        { "logits", Npy("<f8", "(2, 5, 19)", [.. new double[189], 1e300]) },
        { "blank_logit", Npy("<f4", "(2,)", float.PositiveInfinity, 0) },
        { "blank_logit", Npy("<f4", "(3,)", new float[3]) },
        { "blank_logit", Npy("|O", "(2,)", new byte[16]) },
        { "classes", Npy<int>("<U1", "(2,)", 'a', 'a') },
        { "classes", Npy("<U1", "(2,)", 0, (int)'a') },
        { "classes", Npy("<U1", "(2,)", 27, (int)'a') },
        { "classes", Npy("<U1", "(2,)", 0x110000, (int)'a') },
        { "classes", Npy("<U0", "(2,)", Array.Empty<int>()) },
        { "classes", Npy("<U99999999999999", "(2,)", 1) },
        { "measured", Npy("|u1", "(5, 19)", new byte[95]) },
        { "alpha", Npy("<f8", "()", 2.5) },
        { "alpha", Npy("<f8", "(1,)", 2.0) },
        { "window", Npy<int>("<U2", "()", 'n', 'o') },
        { "block_directions", Npy("<i4", "()", 17) },
        { "slice_size", Npy("<i8", "()", 1L << 40) },
        { "alpha", [1, 2, 3] },
        { "alpha", [0x93, .. "NUMPY"u8, 9, 0, 1, 0, 32] },
        { "alpha", [0x93, .. "NUMPY"u8, 2, 0, 255, 255, 255, 255, 32] },
        { "alpha", [0x93, .. "NUMPY"u8, 1, 0, 200, 0, 32] },
        { "alpha", Npy("<f8', 'descr': '<f8", "()", 2.0) },
        { "alpha", Npy("<f8", "(", 2.0) },
        { "alpha", Npy("<f8", "(-1,)", 2.0) },
        { "alpha", Npy("<f8", "(99999999999999999999,)", 2.0) },
    };

    [Theory]
    [MemberData(nameof(Invalid))]
    public void Read_InvalidArray_RefusedAndNamed(string name, byte[] content)
    {
        var refused = Refusal(name, content);
        Assert.Equal("sinogram.array_invalid", refused.Code);
        Assert.StartsWith($"Array {name} of s.npz ", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_FortranOrder_Refused()
    {
        var text = Encoding.Latin1.GetString(_arrays["logits.npy"]).Replace("False", "True ", StringComparison.Ordinal);
        Assert.Contains("ascontiguousarray", Refusal("logits", Encoding.Latin1.GetBytes(text)).Message, StringComparison.Ordinal);
    }

    public static TheoryData<string, byte[]> Contradictions() => new()
    {
        { "weights", Npy("<f8", "(5,)", 1.0, 1, 1, 1, 1) },
        { "weights", Npy("<f8", "(5,)", -1.0, 1, 1, 0, 0) },
        { "normals", Npy("<f8", "(5, 3)", new double[15]) },
        { "offsets_mm", Npy("<f8", "(19,)", new double[19]) },
        { "offsets_mm", Npy("<f8", "(19,)", [.. Enumerable.Range(0, 19).Select(o => (double)o)]) },
        { "offsets_mm", Npy("<f8", "(19,)", [.. Enumerable.Range(-9, 19).Select(o => -0.7 * o)]) },
        { "offsets_mm", Npy("<f8", "(19,)", [.. Enumerable.Range(-9, 19).Select(o => 0.1 * o)]) }, // too short for the volume
        { "offsets_mm", Npy("<f8", "(19,)", [.. Enumerable.Range(-9, 19).Select(o => 1e-9 * o)]) },
        { "centre_mm", Npy("<f8", "(3,)", 0.0, 0, 0) },
        { "shape", Npy("<i4", "(3,)", 3, 4, 2) },
        { "affine", Npy("<f8", "(4, 4)", new double[16]) },
        { "pixel_mm", Npy("<f8", "()", 0.0) },
        { "slice_size", Npy("<i4", "()", 0) },
    };

    [Theory]
    [MemberData(nameof(Contradictions))]
    public void Read_ArraysThatContradictEachOther_Refused(string name, byte[] content) =>
        Assert.Equal("sinogram.inconsistent", Refusal(name, content).Code);

    [Fact]
    public void Read_HeaderOfNoVolume_Refused() => Assert.Equal("nifti.not_nifti", Refusal("nifti_header", Npy("|u1", "(352,)", new byte[352])).Code);

    [Fact]
    public void Read_ShapeBeyondAnyFile_RefusedBeforeMemoryIsTaken()
    {
        Assert.Equal("sinogram.too_large", Refusal("logits", Npy("<f4", "(9223372036854775807, 9223372036854775807, 2)", 0f)).Code);
        Assert.Equal("sinogram.too_large", Refusal("logits", Npy("<f4", "(1000, 1000, 1000)", 0f)).Code);
        var before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Equal("sinogram.damaged", Refusal("logits", Npy("<f4", "(2, 1000, 100001)", 0f)).Code);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1 << 20);
    }

    [Fact]
    public void Read_DataLongerThanTheirShape_Refused() =>
        Assert.Equal("sinogram.damaged", Refusal("alpha", [.. Npy("<f8", "()", 2.0), 0]).Code);

    [Fact]
    public void Read_OneBitOfStoredDataFlipped_Refused()
    {
        var npz = Npz(_arrays, CompressionLevel.NoCompression);
        var at = npz.AsSpan().IndexOf(_arrays["logits.npy"]) + _arrays["logits.npy"].Length - 1;
        npz[at] ^= 1;
        Assert.Equal("sinogram.damaged", Refusal(npz).Code);
    }

    private static ImagingException Refusal(string name, byte[] content) => Refusal(Npz(new(_arrays) { [name + ".npy"] = content }));

    private static ImagingException Refusal(byte[] npz) => Assert.Throws<ImagingException>(() => Read(npz));
}
