using System.Diagnostics;
using System.IO.Compression;
using ToNNO.Imaging.Dicom;
using ToNNO.Tests.Support;

namespace ToNNO.Imaging.Tests;

/// <summary>Damaged zips are looked into and read, or refused: no other exception, no memory beyond a multiple of the file, no hang.</summary>
public sealed class ZipFuzzTests
{
    private const string Zip = "test://place/z.zip";

    private static readonly NiftiBytes _nifti = new() { Shape = new(4, 3, 2), Intensity = (i, j, k) => (i * 0.37f) - (j * k) };

    /// <summary>What DEFLATE may make of a byte; a part of it is held twice while a file is read.</summary>
    private const int MostTimesTheFile = 3 * 1032;

    /// <summary>Buffers, headers looked at, exceptions and their messages.</summary>
    private const int Besides = 32 << 20;

    [Theory]
    [InlineData(CompressionLevel.NoCompression)]
    [InlineData(CompressionLevel.Optimal)]
    public void LookAndRead_DamagedZip_ReadOrRefused(CompressionLevel level)
    {
        const int Count = 2_000;
        var (sound, random, codes) = (Sound(level), new Random((int)level), new SortedDictionary<string, int>(StringComparer.Ordinal));
        Assert.Equal(4, Try(sound, codes)); // the zip, the file, the pair and the series
        Assert.Empty(codes);
        var read = Enumerable.Range(0, Count).Sum(_ => Try(Damaged.Of(sound, random), codes));
        Assert.InRange(read, Count / 20, 4 * Count);
        Assert.Contains("zip.damaged", codes.Keys);
    }

    [Fact]
    public void Inspect_AVoxelOfOneEntryIsAnother_DamagedThoughItCanBeRead()
    {
        var (file, series) = (new EntryUri(Zip, "a.nii").ToString(), new SeriesUri(Zip, SeriesUri.KeyOf(new DicomBytes().Series)).ToString());
        Assert.Equal("zip.damaged", CodeOf(file, _nifti.Plain()));
        Assert.Equal("zip.damaged", CodeOf(series, _nifti.Plain())); // it might have been one of its slices
        Assert.Equal("zip.damaged", CodeOf(series, new DicomBytes().Stack(3).First().ToArray()));
        Assert.Equal("", CodeOf(file, new DicomBytes().Stack(3).First().ToArray()));

        static string CodeOf(string uri, byte[] damaged)
        {
            var bytes = Sound(CompressionLevel.NoCompression);
            bytes[bytes.AsSpan().IndexOf(damaged) + damaged.Length - 1] ^= 1;
            try
            {
                VolumeSource.Inspect([uri], CancellationToken.None, new OneFile(bytes));
                return "";
            }
            catch (ImagingException refused)
            {
                return refused.Code;
            }
        }
    }

    private static byte[] Sound(CompressionLevel level)
    {
        var header = _nifti.Header();
        "ni1\0"u8.CopyTo(header.AsSpan(344));
        header.AsSpan(108, sizeof(float)).Clear();
        using var bytes = new MemoryStream();
        using (var zip = new ZipArchive(bytes, ZipArchiveMode.Create, leaveOpen: true))
        {
            Add("a.nii", _nifti.Plain());
            Add("p.hdr", header);
            Add("p.img", _nifti.Plain()[NiftiBytes.HeaderBytes..]);
            foreach (var (at, slice) in new DicomBytes().Stack(3).Index())
            {
                Add($"ct/{at}", slice.ToArray());
            }

            void Add(string name, byte[] content)
            {
                using var stream = zip.CreateEntry(name, level).Open();
                stream.Write(content);
            }
        }

        return bytes.ToArray();
    }

    /// <returns>How many of what it holds could be read.</returns>
    private static int Try(byte[] bytes, SortedDictionary<string, int> codes)
    {
        var (place, clock, before, read) = (new OneFile(bytes), Stopwatch.StartNew(), GC.GetAllocatedBytesForCurrentThread(), 0);
        List<string> uris = [];
        Refusable(() =>
        {
            var found = DicomListing.Look(Zip, place, withFacts: true);
            uris.AddRange(found.Dicom.Select(file => file.Content?.SeriesKey).OfType<string>().Distinct().Select(key => new SeriesUri(Zip, key).ToString()));
            uris.AddRange(found.Others.Where(file => file.EndsWith(".nii", StringComparison.Ordinal) || file.EndsWith(".hdr", StringComparison.Ordinal)).Select(file => new EntryUri(Zip, file).ToString()));
        });
        foreach (var uri in uris)
        {
            Refusable(() =>
            {
                VolumeSource.ReadHeaders([uri], CancellationToken.None, place);
                VolumeSource.Load([uri], VolumeSource.Inspect([uri], CancellationToken.None, place).Sha256, 1 << 20, CancellationToken.None, place);
            });
        }

        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, (MostTimesTheFile * (long)bytes.Length) + Besides);
        Assert.True(clock.Elapsed < TimeSpan.FromSeconds(5), $"{Convert.ToHexString(bytes)} took {clock.Elapsed}");
        return read;

        void Refusable(Action action)
        {
            try
            {
                action();
                read++;
            }
            catch (ImagingException refusal)
            {
                Assert.NotEqual(RejectReason.Unspecified, refusal.Reason);
                codes[refusal.Code] = codes.GetValueOrDefault(refusal.Code) + 1;
            }
            catch (Exception other)
            {
                Assert.Fail($"{Convert.ToHexString(bytes)}: {other}");
            }
        }
    }

    /// <summary>A place of one file.</summary>
    private sealed class OneFile(byte[] bytes) : IRemoteFiles
    {
        public bool Holds(string path) => path.StartsWith("test://", StringComparison.Ordinal);

        public IReadOnlyList<string> List(string folder, bool below, CancellationToken cancel) => [];

        public bool HoldsOneSeries(string folder) => false;

        public Stream Open(string path, long mostBytes) => path == Zip ? new MemoryStream(bytes, writable: false) : throw new FileNotFoundException();

        public Stream OpenSeekable(string path) => Open(path, long.MaxValue);
    }
}
