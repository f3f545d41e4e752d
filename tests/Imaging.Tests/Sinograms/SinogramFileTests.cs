using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using ToNNO.Imaging.Nifti;

namespace ToNNO.Imaging.Tests.Sinograms;

public sealed class SinogramFileTests
{
    [Theory]
    [InlineData("logits", "<f4", "(2, 5, 19)")]
    [InlineData("blank_logit", "<f4", "(2,)")]
    [InlineData("classes", "<U6", "(2,)")]
    [InlineData("measured", "|b1", "(5, 19)")]
    [InlineData("normals", "<f8", "(5, 3)")]
    [InlineData("weights", "<f8", "(5,)")]
    [InlineData("offsets_mm", "<f8", "(19,)")]
    [InlineData("centre_mm", "<f8", "(3,)")]
    [InlineData("pixel_mm", "<f8", "()")]
    [InlineData("slice_size", "<i4", "()")]
    [InlineData("shape", "<i4", "(3,)")]
    [InlineData("affine", "<f8", "(4, 4)")]
    [InlineData("nifti_header", "|u1", "(352,)")]
    [InlineData("alpha", "<f8", "()")]
    [InlineData("window", "<U6", "()")]
    [InlineData("block_directions", "<i4", "()")]
    public void Write_Array_HasTypeAndShape(string name, string type, string shape)
    {
        var array = SinogramFixture.Arrays(SinogramFixture.Bytes(SinogramFixture.Make()))[name + ".npy"];
        Assert.Equal("\u0093NUMPY\u0001\u0000", Encoding.Latin1.GetString(array, 0, 8));
        var length = BinaryPrimitives.ReadUInt16LittleEndian(array.AsSpan(8));
        Assert.Equal(0, (10 + length) % 64);
        Assert.Equal($"{{'descr': '{type}', 'fortran_order': False, 'shape': {shape}, }}", Encoding.ASCII.GetString(array, 10, length).TrimEnd());
    }

    [Fact]
    public void Write_TwoClasses_ContentIsTheSinograms()
    {
        var sinogram = SinogramFixture.Make();
        var arrays = SinogramFixture.Arrays(SinogramFixture.Bytes(sinogram));
        Assert.Equal(16, arrays.Count);
        ReadOnlySpan<byte> Content(string name) => arrays[name + ".npy"].AsSpan(10 + BinaryPrimitives.ReadUInt16LittleEndian(arrays[name + ".npy"].AsSpan(8)));
        Assert.Equal(sinogram.Logits, MemoryMarshal.Cast<byte, float>(Content("logits")).ToArray());
        Assert.Equal(sinogram.Measured, MemoryMarshal.Cast<byte, bool>(Content("measured")).ToArray());
        Assert.Equal("tumour" + "Ödem 𝛼", Encoding.UTF32.GetString(Content("classes")));
        Assert.Equal("3point", Encoding.UTF32.GetString(Content("window")));
        NiftiHeader.Parse(Content("nifti_header"), "The header").RequireSameGrid(sinogram.Header, "The header");
    }

    [Fact]
    public void Write_Twice_SameBytes() =>
        Assert.Equal(SinogramFixture.Bytes(SinogramFixture.Make()), SinogramFixture.Bytes(SinogramFixture.Make()));
}
