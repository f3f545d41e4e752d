namespace ToNNO.Imaging.Dicom;

/// <summary>How pixels are stored.</summary>
internal enum PixelCodec
{
    Unsupported = 0,
    Native,
    Rle,
    Jpeg,
    JpegLs,
    Jpeg2000,
}

/// <summary>How a data set is written (PS3.5, section 10 and annex A).</summary>
internal sealed record TransferSyntax(string Uid, PixelCodec Codec, bool IsExplicit = true, bool IsBigEndian = false, bool IsDeflated = false)
{
    private const string StandardRoot = "1.2.840.10008.";

    /// <summary>That of the file meta information, whatever follows it.</summary>
    public static TransferSyntax Meta { get; } = new("1.2.840.10008.1.2.1", PixelCodec.Native);

    /// <summary>That of sequences whose value representation the writer did not know (PS3.5, 6.2.2).</summary>
    public static TransferSyntax Implicit { get; } = new("1.2.840.10008.1.2", PixelCodec.Native, IsExplicit: false);

    /// <summary>What a message may call it: a private one could be anything.</summary>
    public string Name => Uid.StartsWith(StandardRoot, StringComparison.Ordinal) && Uid.Length <= 32 && Uid.All(letter => char.IsAsciiDigit(letter) || letter == '.')
        ? Uid : "a private one";

    /// <summary>An unknown syntax is explicit little endian, as all are since 1993; only its pixels cannot be read.</summary>
    public static TransferSyntax Of(string uid) => uid switch
    {
        "1.2.840.10008.1.2" => Implicit,
        "1.2.840.10008.1.2.1" => Meta,
        "1.2.840.10008.1.2.1.99" => new(uid, PixelCodec.Native, IsDeflated: true),
        "1.2.840.10008.1.2.2" => new(uid, PixelCodec.Native, IsBigEndian: true),
        "1.2.840.10008.1.2.5" => new(uid, PixelCodec.Rle),
        "1.2.840.10008.1.2.4.50" or "1.2.840.10008.1.2.4.51" or "1.2.840.10008.1.2.4.57" or "1.2.840.10008.1.2.4.70" => new(uid, PixelCodec.Jpeg),
        "1.2.840.10008.1.2.4.80" or "1.2.840.10008.1.2.4.81" => new(uid, PixelCodec.JpegLs),
        "1.2.840.10008.1.2.4.90" or "1.2.840.10008.1.2.4.91" => new(uid, PixelCodec.Jpeg2000),
        _ => new(uid, PixelCodec.Unsupported),
    };
}
