using System.Diagnostics;
using System.Globalization;
using ToNNO.Contracts;
using ToNNO.Coordinator.Volumes;
using ToNNO.Imaging;
using ToNNO.Imaging.Dicom;
using ToNNO.Imaging.Nifti;
using ToNNO.Imaging.Tests;
using ToNNO.Tests.Support;

namespace ToNNO.Bench;

/// <summary>Damages sound files of each format over and over: each must be read or refused with a reason, soon and without undue memory, and what a header
/// says of its voxels' places must become work or be refused. Anything else ends the program, with the file's bytes.</summary>
internal static class FuzzBench
{
    private const int DefaultCount = 300_000;

    /// <summary>What a NIfTI volume may take; a small file claims far more.</summary>
    private const long NiftiLimitBytes = 1 << 20;

    /// <summary>What reading may take besides, as in the tests, and planning.</summary>
    private const long NiftiBesidesBytes = 64 << 10;

    /// <summary>What runs ask for: nothing, a spacing, or a model's slices, and passes.</summary>
    private static readonly RunSettings[] _usual =
    [
        SmallWork.Settings,
        SmallWork.Settings with { SpacingMm = 1 },
        SmallWork.Settings with { SpacingMm = 0.8, PixelMm = 0.8, Size = 224 },
        SmallWork.Settings with { Passes = new(0.05, true) },
    ];

    private static readonly TimeSpan _longest = TimeSpan.FromSeconds(5);

    /// <param name="arguments">How many damaged files of each format.</param>
    public static object Measure(string[] arguments)
    {
        var count = arguments is [var given, ..] ? int.Parse(given, CultureInfo.InvariantCulture) : DefaultCount;
        return new
        {
            Nifti = Fuzz(NiftiSeeds(), count, ReadNifti, (_, _) => NiftiLimitBytes + NiftiBesidesBytes),
            Dicom = Fuzz(
                [.. DicomSeeds.Files.Select(file => (file.Key, file.Value.ToArray()))],
                count,
                ReadDicom,
                (kind, bytes) => (DicomSeeds.MostTimesTheFile * bytes) + DicomSeeds.BesidesBytes(kind)),
        };
    }

    private static List<(string Kind, byte[] Bytes)> NiftiSeeds()
    {
        var small = new NiftiBytes { Shape = new(4, 3, 2), Intensity = (i, j, k) => (i * 0.37f) - (j * k) };
        return [("plain", small.Plain()), ("gzip", small.Gzip()), ("qform", (small with { SForm = false }).Plain())];
    }

    private static void ReadNifti(byte[] bytes)
    {
        var header = NiftiReader.Read(new MemoryStream(bytes), bytes.Length, "scan", NiftiLimitBytes).Header;
        var settings = _usual[bytes.Sum(one => one) % _usual.Length];
        _ = VolumeWork.Of(SmallWork.Run, settings, new(new("scan"), ["/nowhere/scan.nii"]), new([header], header.PredictedBytes), slicesPerLease: 1000);
    }

    private static void ReadDicom(byte[] bytes)
    {
        var file = DicomFile.Parse(bytes, DicomTag.Imaging, DicomTag.PixelData, "The file");
        var image = DicomImage.Of(file, "The file");
        var pixels = FramePixels.Of(file, image, "The file");
        var values = new int[image.Format.PixelsPerFrame];
        foreach (var frame in image.Frames)
        {
            pixels.Decode(frame.Index, values);
        }

        if (image.Frames.Count > 1)
        {
            var stack = SliceStack.Of([.. image.Frames.Select(frame => frame.Place)], "The file", takesTilted: true);
            _ = stack.Tilt is { } tilt ? new StraightGrid(tilt, image.Format.Columns, image.Format.Rows, image.Frames.Count, "The file").Shape : default;
        }
    }

    /// <param name="most">Bytes that reading a file of a kind and of so many may take.</param>
    private static object Fuzz(List<(string Kind, byte[] Bytes)> seeds, int count, Action<byte[]> read, Func<string, long, long> most)
    {
        var random = new Random(20261124);
        var refused = new SortedDictionary<string, int>(StringComparer.Ordinal);
        var (wasRead, slowest, mostBytes, mostOf) = (0, TimeSpan.Zero, 0L, "");
        var begun = Stopwatch.GetTimestamp();
        for (var round = 0; round < count; round++)
        {
            var (kind, sound) = seeds[round % seeds.Count];
            var bytes = Damaged.Of(sound, random);
            var (before, started) = (GC.GetAllocatedBytesForCurrentThread(), Stopwatch.GetTimestamp());
            try
            {
                read(bytes);
                wasRead++;
            }
            catch (ImagingException refusal)
            {
                refused[refusal.Code] = refused.GetValueOrDefault(refusal.Code) + 1;
            }
            catch (Exception unexpected)
            {
                throw new InvalidOperationException($"{kind}, damaged as {Convert.ToHexString(bytes)}, was neither read nor refused.", unexpected);
            }

            var (took, allocated) = (Stopwatch.GetElapsedTime(started), GC.GetAllocatedBytesForCurrentThread() - before);
            slowest = took > slowest ? took : slowest;
            (mostBytes, mostOf) = allocated > mostBytes ? (allocated, kind) : (mostBytes, mostOf);
            if (took > _longest || allocated > most(kind, bytes.Length))
            {
                throw new InvalidOperationException($"{kind}, damaged as {Convert.ToHexString(bytes)}, took {took} and {allocated} bytes.");
            }
        }

        return new
        {
            Damaged = count,
            Read = wasRead,
            Refused = refused,
            Seconds = Stopwatch.GetElapsedTime(begun).TotalSeconds,
            SlowestMs = slowest.TotalMilliseconds,
            MostAllocatedKb = mostBytes >> 10,
            MostAllocatedBy = mostOf,
        };
    }
}
