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
        }

        Write("ct/other", series with { Series = "1.9" });
        Write("multi", series with { SopClass = DicomBytes.EnhancedCtClass, FramePositions = [.. series.Stack(4).Select(slice => slice.Position)] });
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

    [Theory]
    [InlineData("none.nii", "file.missing")]
    [InlineData("z.zip", "zip.remote")]
    [InlineData("text.nii", "nifti.not_nifti")]
    [InlineData("pair.hdr", "nifti.pair_incomplete")]
    [InlineData("report.dcm", "dicom.not_image")]
    [InlineData("empty#series=0123456789abcdef", "file.missing")]
    public void Remote_WhatIsNoVolume_RefusedByItsCode(string name, string code)
    {
        File.WriteAllBytes(_folder["z.zip"], [0x50, 0x4B, 3, 4, .. new byte[100]]);
        File.WriteAllText(_folder["text.nii"], new string('x', 5000));
        var header = new NiftiBytes().Header();
        "ni1\0"u8.CopyTo(header.AsSpan(344));
        File.WriteAllBytes(_folder["pair.hdr"], header);
        Write("report.dcm", new DicomBytes { SopClass = "1.2.840.10008.5.1.4.1.1.88.11" });
        var refused = Assert.Throws<ImagingException>(() => VolumeSource.Inspect([FolderAsRemote.Scheme + name], Token, _remote));
        Assert.Equal(code, refused.Code);
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

        public long Fetched { get; private set; }

        public bool Holds(string path) => path.StartsWith(Scheme, StringComparison.Ordinal);

        public IReadOnlyList<RemoteFile> List(string folder, bool below, CancellationToken cancel) => !Directory.Exists(OnDisk(folder)) ? [] :
        [
            .. Directory.GetFiles(OnDisk(folder), "*", below ? SearchOption.AllDirectories : SearchOption.TopDirectoryOnly).Order(StringComparer.Ordinal)
                .Select(file => new RemoteFile(Scheme + Path.GetRelativePath(root, file), new FileInfo(file).Length)),
        ];

        public Stream Open(string path, long mostBytes)
        {
            if (!File.Exists(OnDisk(path)))
            {
                throw new FileNotFoundException();
            }

            var bytes = File.ReadAllBytes(OnDisk(path));
            Fetched += Math.Min(bytes.Length, mostBytes);
            return new Beginning(bytes[..(int)Math.Min(bytes.Length, mostBytes)], bytes.Length);
        }

        private string OnDisk(string path) => Path.Combine(root, path[Scheme.Length..]);

        /// <summary>Ends where no more was asked for, but has the length of the whole.</summary>
        private sealed class Beginning(byte[] start, int length) : MemoryStream(start, writable: false)
        {
            public override long Length => length;
        }
    }
}
