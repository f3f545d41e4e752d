using ToNNO.Imaging.Dicom;

namespace ToNNO.Imaging.Tests.Dicom;

/// <summary>Libraries of the machine that decode.</summary>
internal static class NativeCodecs
{
    /// <summary>Skips the test where what it reads needs a library that is not installed.</summary>
    /// <param name="what">The name of a file, a syntax or a kind.</param>
    public static void Require(string what)
    {
        Assert.SkipUnless(JpegLsFrame.IsThere || !Names("jpegls", "jpeg_ls", "jpeg ls"), "libcharls2 is not installed.");
        Assert.SkipUnless(Jpeg2000Frame.IsThere || !Names("j2k", "jp2k", "jpeg2000", "jpeg 2000"), "libopenjp2-7 is not installed.");

        bool Names(params string[] codecs) => codecs.Any(codec => what.Contains(codec, StringComparison.OrdinalIgnoreCase));
    }
}
