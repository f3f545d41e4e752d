using ToNNO.Contracts;
using ToNNO.Imaging;
using ToNNO.Storage;
using ToNNO.Tonno.Exporting;

namespace ToNNO.Tonno.Tests.Exporting;

public sealed class VerifiedReadingTests(ExportArchive archive) : IClassFixture<ExportArchive>
{
    private const string Heatmap = "heatmap.nii.gz";

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Read_WholeFile_WhatWasReadOrRefusedOfIt()
    {
        Assert.Equal(0x1F, await ReadAsync(Result(), (stream, _) => stream.ReadByte()));
        var refused = await Assert.ThrowsAsync<ImagingException>(() => ReadAsync(Result(), TooLarge));
        Assert.Equal("volume.too_large", refused.Code);
    }

    [Fact]
    public async Task Read_AnotherFile_ItsDamageIsTheReasonWhateverWasRefusedOfIt()
    {
        var other = Result() with { Files = new Dictionary<string, VolumeResult.FileFacts> { [Heatmap] = new(new string('0', 64), 1) } };
        Assert.Equal("result.damaged", (await Assert.ThrowsAsync<ExportException>(() => ReadAsync(other, (stream, _) => stream.ReadByte()))).Code);
        Assert.Equal("result.damaged", (await Assert.ThrowsAsync<ExportException>(() => ReadAsync(other, TooLarge))).Code);
    }

    [Fact]
    public async Task Read_FileIsGoneOrNotToldOf_Refused()
    {
        var elsewhere = Result() with { VolumeId = new("nowhere") };
        Assert.Equal("result.missing", (await Assert.ThrowsAsync<ExportException>(() => ReadAsync(elsewhere, (_, _) => 0))).Code);
        var silent = Result() with { Files = new Dictionary<string, VolumeResult.FileFacts>() };
        Assert.Equal("result.damaged", (await Assert.ThrowsAsync<ExportException>(() => ReadAsync(silent, (_, _) => 0))).Code);
    }

    private static int TooLarge(Stream stream, long lengthBytes) => throw new ImagingException(RejectReason.VolumeTooLarge, "too large");

    private VolumeResult Result() => Documents.TryParse<VolumeResult>(File.ReadAllBytes(Path.Combine(archive.Store, "ct", "result.json")))!;

    private Task<int> ReadAsync(VolumeResult result, Func<Stream, long, int> read) =>
        VerifiedReading.ReadAsync(new LocalFolderStore(archive.Store), result, Heatmap, read, Token);
}
