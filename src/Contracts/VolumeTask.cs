using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using ToNNO.Tomography.Filtering;
using ToNNO.Tomography.Geometry;
using ToNNO.Tomography.Sampling;

namespace ToNNO.Contracts;

/// <summary>Everything that decides a volume's heatmap, resolved: options, model card and defaults are behind us.</summary>
public sealed record RunSettings
{
    /// <summary>Model folder or built-in name, as the slice nodes find it.</summary>
    public required string Model { get; init; }

    /// <summary>SHA-256 that pins the model.</summary>
    public required string ModelSha256 { get; init; }

    public required DirectionSetKind Set { get; init; }

    public required int Directions { get; init; }

    /// <summary>h, or null for each volume's finest voxel spacing.</summary>
    public double? SpacingMm { get; init; }

    /// <summary>q, or null for h.</summary>
    public double? PixelMm { get; init; }

    /// <summary>S, or null for what covers the volume.</summary>
    public int? Size { get; init; }

    public required double Alpha { get; init; }

    public required FilterWindow Window { get; init; }

    public required IntensityMap Intensity { get; init; }

    public HeatmapThreshold? Threshold { get; init; }
}

/// <summary>The work on one volume: what every actor of its flow needs to know. Small; it travels in messages.</summary>
public sealed record VolumeTask
{
    /// <summary>Raised when a change of the program changes heatmaps: older results then count as other work.</summary>
    private const int KernelVersion = 1;

    public required RunId RunId { get; init; }

    public required VolumeId VolumeId { get; init; }

    /// <summary>Where the volume is read.</summary>
    public required string SourceUri { get; init; }

    /// <summary>SHA-256 of the source's bytes.</summary>
    public required string SourceSha256 { get; init; }

    public required VolumeGeometry Geometry { get; init; }

    public required RunSettings Settings { get; init; }

    /// <summary>Directions in one lease: a multiple of the backprojector's block, so that blocks never straddle leases.</summary>
    public required int LeaseDirections { get; init; }

    public required int SlabCount { get; init; }

    /// <summary>Names this work: same source, model and settings, same key. A result bearing it need not be made again.</summary>
    public string WorkKey => WorkKeyOf(SourceSha256, Settings);

    /// <summary>Tells where a volume was read without saying it: a path may bear a patient's name.</summary>
    public string SourceId => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(SourceUri)))[..16];

    /// <summary>Prefix of the task's rows and slabs in the store.</summary>
    public string WorkPrefix => $".tonno/tasks/{VolumeId}/{WorkKey[..16]}/";

    public SamplingPlan Plan() => SamplingPlan.For(
        Geometry, DirectionSet.Create(Settings.Set, Settings.Directions), Settings.SpacingMm, Settings.PixelMm, Settings.Size);

    /// <summary>Path of a lease's rows.</summary>
    public string RowsPath(DirectionRange lease) => $"{WorkPrefix}rows-{lease.First:D6}";

    /// <summary>Path of a finished slab: float32 voxels, little endian.</summary>
    public string SlabPath(int slab) => $"{WorkPrefix}slab-{slab:D4}";

    /// <summary>The leases of a task that has <paramref name="directionCount"/> directions, in order.</summary>
    public IEnumerable<DirectionRange> Leases(int directionCount)
    {
        for (var first = 0; first < directionCount; first += LeaseDirections)
        {
            yield return new DirectionRange(first, Math.Min(LeaseDirections, directionCount - first));
        }
    }

    /// <summary>The slabs: planes of the slowest axis shared out as evenly as can be.</summary>
    public SlabRange Slab(int index)
    {
        var (first, next) = ((int)((long)Geometry.Shape.K * index / SlabCount), (int)((long)Geometry.Shape.K * (index + 1) / SlabCount));
        return new SlabRange(index, first, next - first);
    }

    public static string WorkKeyOf(string sourceSha256, RunSettings settings)
    {
        var text = string.Join('|', new object?[]
        {
            KernelVersion, sourceSha256, settings.ModelSha256, settings.Set, settings.Directions, settings.SpacingMm, settings.PixelMm,
            settings.Size, settings.Alpha, settings.Window, settings.Intensity.Low, settings.Intensity.High, settings.Intensity.Fill,
            settings.Threshold?.Value, settings.Threshold?.OfPeak,
        }.Select(value => value is IFormattable number ? number.ToString(null, CultureInfo.InvariantCulture) : value?.ToString()));
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));
    }
}
