using System.Collections.Frozen;
using ToNNO.Imaging.Dicom;
using ToNNO.Imaging.Dicom.Results;

namespace ToNNO.Imaging.Tests.Dicom.Results;

public sealed class WrittenSetTests
{
    private static readonly TypedTag _word = new(0x0028_0010, "US");
    private static readonly TypedTag _text = new(0x0008_103E, "LO");
    private static readonly TypedTag _uid = new(0x0008_0018, "UI");
    private static readonly TypedTag _items = new(0x0008_1140, "SQ");

    [Fact]
    public void WriteTo_ElementsInAnyOrder_TheBytesOfTheStandard()
    {
        // PS3.5, 7.1.2 and 7.5: tags in order, even lengths, NUL behind UIDs and a blank behind texts, items with lengths.
        var set = new WrittenSet().Shorts(_word, 0x0102).Sequence(_items, new WrittenSet().Text(_uid, "1.2"), new WrittenSet()).Text(_text, "abc").Text(_uid, "1.2.3.4");
        byte[] expected =
        [
            0x08, 0, 0x18, 0, (byte)'U', (byte)'I', 8, 0, .. "1.2.3.4\0"u8,
            0x08, 0, 0x3E, 0x10, (byte)'L', (byte)'O', 4, 0, .. "abc "u8,
            0x08, 0, 0x40, 0x11, (byte)'S', (byte)'Q', 0, 0, 28, 0, 0, 0,
            0xFE, 0xFF, 0, 0xE0, 12, 0, 0, 0, 0x08, 0, 0x18, 0, (byte)'U', (byte)'I', 4, 0, .. "1.2\0"u8,
            0xFE, 0xFF, 0, 0xE0, 0, 0, 0, 0,
            0x28, 0, 0x10, 0, (byte)'U', (byte)'S', 2, 0, 2, 1,
        ];
        Assert.Equal(expected, Written(set));
        Assert.Equal(expected.Length, set.LengthBytes);
    }

    [Fact]
    public void WriteTo_ReadByOurReader_SameValues()
    {
        var set = new WrittenSet().Text(_text, "a b").Decimals(new(0x0020_0032, "DS"), 1.5, -2, 0).Sequence(_items, new WrittenSet().Whole(new(0x0028_0008, "IS"), 7));
        FrozenSet<uint> kept = [0x0008_103E, 0x0020_0032, 0x0008_1140, 0x0028_0008];
        var (read, length) = DataSetParser.Parse(Written(set), TransferSyntax.Meta, kept, uint.MaxValue, "it");
        Assert.Equal(set.LengthBytes, length);
        Assert.Equal("a b", read.Text(0x0008_103E));
        Assert.Equal([1.5, -2, 0], read.Decimals(0x0020_0032)!);
        Assert.Equal("7", Assert.Single(read.Items(0x0008_1140)).Text(0x0028_0008));
    }

    [Fact]
    public void Text_LongerThanItsLengthFieldCounts_Refused() =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new WrittenSet().Text(_text, new string('x', 65_535)));

    [Fact]
    public void Of_SameParts_SameUid_OthersAnother()
    {
        var uid = DerivedUid.Of("a", "b");
        Assert.Matches(@"^2\.25\.[1-9][0-9]{1,38}$", uid);
        Assert.True(uid.Length <= 64);
        Assert.Equal(uid, DerivedUid.Of("a", "b"));
        Assert.NotEqual(uid, DerivedUid.Of("a", "c"));
        Assert.NotEqual(uid, DerivedUid.Of("ab"));
    }

    private static byte[] Written(WrittenSet set)
    {
        using var stream = new MemoryStream();
        set.WriteTo(stream);
        return stream.ToArray();
    }
}
