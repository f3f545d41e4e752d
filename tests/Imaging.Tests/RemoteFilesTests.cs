using System.IO.Compression;
using ToNNO.Imaging.Dicom;
using ToNNO.Tests.Support;

namespace ToNNO.Imaging.Tests;

/// <summary>Volumes that lie on no disk are those that would lie on one.</summary>
public sealed class RemoteFilesTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly FolderAsRemote _remote;

    public RemoteFilesTests() => _remote = new FolderAsRemote(_folder.Path);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("a.nii", "")]
    [InlineData("a.nii.gz", "")]
    [InlineData("a.nii", "#frame=1")]
    [InlineData("ct", "#series=")]
    [InlineData("spread/**", "#series=")]
    [InlineData("multi", "#series=")]
    [InlineData("alone", "#series=")]
    [InlineData("z.zip", "#series=")]
    [InlineData("z.zip", "#entry=deep/a.nii.gz")]
    [InlineData("z.zip", "#entry=pair.hdr")]
    [InlineData("pair.hdr", "")]
    [InlineData("pair.img.gz", "")]
    [InlineData("UPPER.HDR", "")]
    public void Remote_NiftiAndSeries_SameHeadersHashAndVoxelsAsOnDisk(string name, string mark)
    {
        var nifti = new NiftiBytes { Shape = new(40, 50, 60), Intensity = (i, j, k) => i + (2 * j) + (3 * k) };
        File.WriteAllBytes(_folder["a.nii"], mark == "#frame=1" ? [.. (nifti with { Dim = [4, 40, 50, 60, 2, 1, 1, 1] }).Plain(), .. new byte[480_000]] : nifti.Plain());
        File.WriteAllBytes(_folder["a.nii.gz"], nifti.Gzip());
        var series = new DicomBytes { Rows = 300, Columns = 200 };
        foreach (var (at, slice) in series.Stack(4).Index())
        {
            Write($"ct/{at}", slice);
            Write($"spread/{at % 2}/{at}.dcm", slice);
            Write($"{FolderAsRemote.OfOneSeries}/{at}", slice);
        }

        Write($"{FolderAsRemote.OfOneSeries}/report", series with { SopClass = "1.2.840.10008.5.1.4.1.1.88.11" });
        File.WriteAllBytes(_folder[$"{FolderAsRemote.OfOneSeries}/text"], new byte[100]);
        Write("ct/other", series with { Series = "1.9" });
        Write("multi", series with { SopClass = DicomBytes.EnhancedCtClass, FramePositions = [.. series.Stack(4).Select(slice => slice.Position)] });
        var ofPair = nifti.Header();
        "ni1\0"u8.CopyTo(ofPair.AsSpan(344));
        BitConverter.TryWriteBytes(ofPair.AsSpan(108), 0f);
        var voxels = nifti.Plain()[NiftiBytes.HeaderBytes..];
        foreach (var (half, content) in new[] { ("pair.hdr", ofPair), ("pair.img.gz", NiftiBytes.Gzip(voxels)), ("UPPER.HDR", ofPair), ("UPPER.IMG", voxels) })
        {
            File.WriteAllBytes(_folder[half], content);
        }

        using (var zip = ZipFile.Open(_folder["z.zip"], ZipArchiveMode.Create))
        {
            zip.CreateEntryFromFile(_folder["pair.hdr"], "pair.hdr");
            zip.CreateEntryFromFile(_folder["pair.img.gz"], "pair.img.gz", CompressionLevel.NoCompression);
            zip.CreateEntryFromFile(_folder["a.nii.gz"], "deep/a.nii.gz", CompressionLevel.NoCompression);
            for (var at = 0; at < 4; at++)
            {
                zip.CreateEntryFromFile(_folder[$"ct/{at}"], $"ct/{at}", CompressionLevel.NoCompression);
            }
        }

        var tail = mark == "#series=" ? mark + SeriesUri.KeyOf("1.2.3.4") : mark;
        var (local, remote) = ($"{_folder.Path}/{name}{tail}", $"{FolderAsRemote.Scheme}{name}{tail}");

        var (there, here) = (VolumeSource.ReadHeaders([remote], Token, _remote), VolumeSource.ReadHeaders([local], Token));
        Assert.Equal((here.ByChannel[0].Geometry, here.PredictedBytes), (there.ByChannel[0].Geometry, there.PredictedBytes));
        Assert.True(_remote.Fetched < 200_000, $"{_remote.Fetched} bytes were fetched for headers"); // of 480 kB and more

        var (facts, expected) = (VolumeSource.Inspect([remote], Token, _remote), VolumeSource.Inspect([local], Token));
        Assert.Equal(expected.Sha256, facts.Sha256);
        var volume = VolumeSource.Load([remote], facts.Sha256, long.MaxValue, Token, _remote)[0].Volume;
        Assert.Equal(VolumeSource.Load([local], facts.Sha256, long.MaxValue, Token)[0].Volume.Samples.AsFloats(), volume.Samples.AsFloats());
        var passed = new List<float>();
        VolumeSource.Scan([remote], facts.Sha256, run => passed.AddRange(run), Token, _remote);
        Assert.Equal(volume.Samples.AsFloats(), passed);
    }

    /// <summary>Where only one series lies, whose a file is need not be asked first.</summary>
    [Theory]
    [InlineData("ct", 5 + 4, 5 + 4, 5 + (2 * 4))]
    [InlineData("alone", 4, 4, 2 * 4)]
    public void Remote_Series_FilesAreOpenedNoOftenerThanItTakes(string name, int headers, int inspection, int load)
    {
        var series = new DicomBytes { Rows = 300, Columns = 200 };
        foreach (var (at, slice) in series.Stack(4).Index())
        {
            Write($"{name}/{at}", slice);
        }

        Write("ct/other", series with { Series = "1.9" });
        string[] uris = [$"{FolderAsRemote.Scheme}{name}#series={SeriesUri.KeyOf("1.2.3.4")}"];
        Assert.Equal(headers, Opened(() => VolumeSource.ReadHeaders(uris, Token, _remote)));
        var sha256 = "";
        Assert.Equal(inspection, Opened(() => sha256 = VolumeSource.Inspect(uris, Token, _remote).Sha256));
        Assert.Equal(load, Opened(() => VolumeSource.Load(uris, sha256, long.MaxValue, Token, _remote)));

        int Opened(Action read)
        {
            var before = _remote.Opened;
            read();
            return _remote.Opened - before;
        }
    }

    [Theory]
    [InlineData("none.nii", "file.missing")]
    [InlineData("z.zip", "zip.damaged")]
    [InlineData("empty.zip", "zip.empty")]
    [InlineData("empty.zip#entry=a.nii", "file.missing")]
    [InlineData("gone.zip#entry=a.nii", "file.missing")]
    [InlineData("text.nii", "nifti.not_nifti")]
    [InlineData("pair.hdr", "nifti.pair_incomplete")]
    [InlineData("alone.img", "nifti.pair_incomplete")]
    [InlineData("short.hdr", "nifti.truncated")]
    [InlineData("report.dcm", "dicom.not_image")]
    [InlineData("empty#series=0123456789abcdef", "file.missing")]
    public void Remote_WhatIsNoVolume_RefusedByItsCode(string name, string code)
    {
        File.WriteAllBytes(_folder["z.zip"], [0x50, 0x4B, 3, 4, .. new byte[100]]);
        File.WriteAllText(_folder["text.nii"], new string('x', 5000));
        var header = new NiftiBytes().Header();
        "ni1\0"u8.CopyTo(header.AsSpan(344));
        File.WriteAllBytes(_folder["pair.hdr"], header);
        File.WriteAllBytes(_folder["alone.img"], new byte[100]);
        File.WriteAllBytes(_folder["short.hdr"], header);
        File.WriteAllBytes(_folder["short.img"], new byte[100]);
        File.WriteAllText(_folder["notes.txt"], "x");
        using (var zip = ZipFile.Open(_folder["empty.zip"], ZipArchiveMode.Create))
        {
            zip.CreateEntryFromFile(_folder["notes.txt"], "notes.txt");
        }

        Write("report.dcm", new DicomBytes { SopClass = "1.2.840.10008.5.1.4.1.1.88.11" });
        var refused = Assert.Throws<ImagingException>(() => VolumeSource.Inspect([FolderAsRemote.Scheme + name], Token, _remote));
        Assert.Equal(code, refused.Code);
    }

    /// <summary>Where a place holds no zips, what begins like one is a file like others.</summary>
    [Fact]
    public void Look_ZipWhereNoneAre_IsNoDicom()
    {
        File.WriteAllText(_folder["notes.txt"], "x");
        using (var zip = ZipFile.Open(_folder["z.zip"], ZipArchiveMode.Create))
        {
            zip.CreateEntryFromFile(_folder["notes.txt"], "notes.txt");
        }

        Assert.True(DicomListing.Look(FolderAsRemote.Scheme + "z.zip", _remote).IsZip);
        var found = DicomListing.Look(FolderAsRemote.Scheme + "z.zip", new FolderAsRemote(_folder.Path) { HasZips = false });
        Assert.False(found.IsZip);
        Assert.Equal((0, 1), (found.Dicom.Count, found.Others.Count));
    }

    private void Write(string path, DicomBytes slice)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(_folder[path])!);
        File.WriteAllBytes(_folder[path], slice.ToArray());
    }

    /// <summary>A folder that is told as a place of its own, and counts what is fetched of it.</summary>
    private sealed class FolderAsRemote(string root) : IRemoteFiles
    {
        public const string Scheme = "test://place/";

        /// <summary>The folder of which it tells that it is of one series.</summary>
        public const string OfOneSeries = "alone";

        public bool HasZips { get; init; } = true;

        public long Fetched { get; private set; }

        public int Opened { get; private set; }

        public bool Holds(string path) => path.StartsWith(Scheme, StringComparison.Ordinal);

        public IReadOnlyList<string> List(string folder, bool below, CancellationToken cancel) => !Directory.Exists(OnDisk(folder)) ? [] :
        [
            .. Directory.GetFiles(OnDisk(folder), "*", below ? SearchOption.AllDirectories : SearchOption.TopDirectoryOnly).Order(StringComparer.Ordinal)
                .Select(file => Scheme + Path.GetRelativePath(root, file)),
        ];

        public bool HoldsOneSeries(string folder) => folder == Scheme + OfOneSeries;

        public Stream Open(string path, long mostBytes)
        {
            if (!File.Exists(OnDisk(path)))
            {
                throw new FileNotFoundException();
            }

            var bytes = File.ReadAllBytes(OnDisk(path));
            Opened++;
            Fetched += Math.Min(bytes.Length, mostBytes);
            return new Beginning(bytes[..(int)Math.Min(bytes.Length, mostBytes)], bytes.Length);
        }

        public Stream? OpenSeekable(string path) =>
            !HasZips ? null : File.Exists(OnDisk(path)) ? new Counted(this, File.OpenRead(OnDisk(path))) : throw new FileNotFoundException();

        private string OnDisk(string path) => Path.Combine(root, path[Scheme.Length..]);

        private sealed class Counted(FolderAsRemote place, FileStream file) : Stream
        {
            public override bool CanRead => true;

            public override bool CanSeek => true;

            public override bool CanWrite => false;

            public override long Length => file.Length;

            public override long Position { get => file.Position; set => file.Position = value; }

            public override int Read(byte[] buffer, int offset, int count)
            {
                var read = file.Read(buffer, offset, count);
                place.Fetched += read;
                return read;
            }

            public override long Seek(long offset, SeekOrigin origin) => file.Seek(offset, origin);

            public override void Flush() => throw new NotSupportedException();

            public override void SetLength(long value) => throw new NotSupportedException();

            public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

            protected override void Dispose(bool disposing)
            {
                file.Dispose();
                base.Dispose(disposing);
            }
        }

        /// <summary>Ends where no more was asked for, but has the length of the whole.</summary>
        private sealed class Beginning(byte[] start, int length) : MemoryStream(start, writable: false)
        {
            public override long Length => length;
        }
    }
}
