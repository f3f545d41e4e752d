using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Serialization;
using ToNNO.Tomography.Anytime;
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

    /// <summary>How the intensities of each channel become pixels; as many as the model has channels.</summary>
    public required IReadOnlyList<IntensityMap> Intensities { get; init; }

    /// <summary>The classes of the model that heatmaps are made of, one each; at least one.</summary>
    public IReadOnlyList<ModelClass> Classes { get; init; } = [ModelClass.Only];

    public HeatmapThreshold? Threshold { get; init; }

    /// <summary>What the heatmap is made of; null where it is made of logits, by ToNNO itself.</summary>
    public CamSettings? Cam { get; init; }

    /// <summary>The maps that the heatmap is made of; null where it is made of none.</summary>
    [JsonIgnore]
    public CamSettings? Maps => IsCentreBlob ? null : Cam;

    /// <summary>True where neither logits nor maps are asked for.</summary>
    [JsonIgnore]
    public bool IsCentreBlob => Cam?.Method == CamMethod.CentreBlob;

    /// <summary>When work may stop short of all directions and which planes it may leave out; null to measure everything.</summary>
    public PassRule? Passes { get; init; }
}

/// <summary>The work on one volume: what every actor of its flow needs to know. Small; it travels in messages.</summary>
public sealed record VolumeTask
{
    /// <summary>Raised when a change of the program changes heatmaps: older results then count as other work.</summary>
    internal const int KernelVersion = 5;

    public required RunId RunId { get; init; }

    public required VolumeId VolumeId { get; init; }

    /// <summary>Where the volume is read: one URI for each channel.</summary>
    public required IReadOnlyList<string> SourceUris { get; init; }

    /// <summary>SHA-256 of the source's bytes, its channels' one after the other.</summary>
    public required string SourceSha256 { get; init; }

    /// <summary>The grid of the first channel, and so of the heatmaps.</summary>
    public required VolumeGeometry Geometry { get; init; }

    public required RunSettings Settings { get; init; }

    /// <summary>The intensity windows of this volume's channels, where the settings leave them to each volume.</summary>
    public IReadOnlyList<IntensityMap>? OwnIntensities { get; init; }

    /// <summary>How the intensities of each channel become pixels.</summary>
    public IReadOnlyList<IntensityMap> Intensities => OwnIntensities ?? Settings.Intensities;

    /// <summary>Directions of a block: the least lease, whose rows lie together in the store. The backprojector's block or a part of it, so
    /// that nothing depends on who encoded what, nor on how many blocks a lease had.</summary>
    public required int LeaseDirections { get; init; }

    /// <summary>Slabs of all heatmaps: equally many of each class.</summary>
    public required int SlabCount { get; init; }

    public int SlabsPerHeatmap => SlabCount / Settings.Classes.Count;

    /// <summary>Directions that the heatmap is made of, where work stopped after a pass; null for all of the settings'.</summary>
    public int? StoppedAfter { get; init; }

    /// <summary>What the planes of the pass under way may be taken for: a <see cref="RowsBlob"/> of the pass with NaN where a
    /// plane is to be measured. Null where all are.</summary>
    public BlobRef? Guide { get; init; }

    /// <summary>Mark of the store that the work's rows, slabs and result belong into; null where all is done in one process, or the
    /// coordinator does not tell.</summary>
    public string? Store { get; init; }

    /// <summary>What the user's manifest says of the volume, told back in its result; null where it says nothing. It does not make other work.</summary>
    public string? Label { get; init; }

    /// <summary>The span of the work on the volume, where one is traced. It is of no node's concern but this one's: messages bear their own.</summary>
    [JsonIgnore]
    public string? TraceParent { get; init; }

    /// <summary>Names this work: same source, model and settings, same key. A result bearing it need not be made again.</summary>
    public string WorkKey => WorkKeyOf(SourceSha256, Settings);

    /// <summary>Tells where a volume was read without saying it: a path may bear a patient's name.</summary>
    public string SourceId => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(string.Join('\n', SourceUris))))[..16];

    /// <summary>Prefix of the task's rows and slabs in the store.</summary>
    public string WorkPrefix => $".tonno/tasks/{VolumeId}/{WorkKey[..16]}/";

    /// <summary>Its volume's id alone: logs may tell of messages, and neither a path nor a label is for them.</summary>
    public override string ToString() => VolumeId.Value;

    public SamplingPlan Plan()
    {
        var plan = SamplingPlan.For(
            Geometry, DirectionSet.Create(Settings.Set, Settings.Directions), Settings.SpacingMm, Settings.PixelMm, Settings.Size);
        return StoppedAfter is { } directions ? plan.FirstDirections(directions) : plan;
    }

    /// <summary>Path of a lease's rows.</summary>
    public string RowsPath(DirectionRange lease) => $"{WorkPrefix}rows-{lease.First:D6}";

    /// <summary>Path of a direction's maps of one class.</summary>
    /// <param name="classAt">Place of the class among those of the settings.</param>
    public string StackPath(int classAt, int direction) => $"{WorkPrefix}stack-{classAt:D3}-{direction:D6}";

    /// <summary>Path of a finished slab: float32 voxels, little endian.</summary>
    public string SlabPath(int slab) => $"{WorkPrefix}slab-{slab:D4}";

    /// <summary>Path of the guide of a pass.</summary>
    public string GuidePath(DirectionRange pass) => $"{WorkPrefix}guide-{pass.First:D6}";

    /// <summary>The passes over the directions, in order: one, where nothing is to be decided on the way.</summary>
    public IEnumerable<DirectionRange> Passes()
    {
        var count = DirectionSet.Create(Settings.Set, Settings.Directions).Count;
        var first = 0;
        foreach (var end in Settings.Passes is null ? [count] : DirectionPasses.Ends(count))
        {
            if (first < (StoppedAfter ?? count))
            {
                yield return new DirectionRange(first, end - first);
            }

            first = end;
        }
    }

    /// <summary>The blocks of a pass or of a lease, in order.</summary>
    public IEnumerable<DirectionRange> Leases(DirectionRange pass)
    {
        for (var first = pass.First; first < pass.End; first += LeaseDirections)
        {
            yield return new DirectionRange(first, Math.Min(LeaseDirections, pass.End - first));
        }
    }

    /// <summary>The blocks of all passes, in order.</summary>
    public IEnumerable<DirectionRange> Leases() => Passes().SelectMany(Leases);

    /// <summary>The slabs, class by class: planes of the slowest axis shared out as evenly as can be.</summary>
    public SlabRange Slab(int index)
    {
        var (classAt, slab) = Math.DivRem(index, SlabsPerHeatmap);
        var (first, next) = ((int)((long)Geometry.Shape.K * slab / SlabsPerHeatmap), (int)((long)Geometry.Shape.K * (slab + 1) / SlabsPerHeatmap));
        return new SlabRange(index, classAt, first, next - first);
    }

    public static string WorkKeyOf(string sourceSha256, RunSettings settings)
    {
        object?[] parts =
        [
            KernelVersion, sourceSha256, settings.ModelSha256, settings.Set, settings.Directions, settings.SpacingMm, settings.PixelMm,
            settings.Size, settings.Alpha, settings.Window, settings.Threshold?.Value, settings.Threshold?.OfPeak, settings.Passes?.Until,
            settings.Passes?.Adaptive, settings.Cam?.Method, settings.Cam?.Kind, settings.Cam?.Layer, settings.Intensities.Count,
            .. settings.Intensities.SelectMany(map => new object[] { map.Low, map.High, map.Fill, map.PixelLow, map.PixelHigh, map.Rule?.Unit ?? 0, map.Rule?.BesidesFill ?? false }),
            .. settings.Classes.Select(one => (object)one.Index),
        ];
        var text = string.Join('|', parts.Select(part => part is IFormattable number ? number.ToString(null, CultureInfo.InvariantCulture) : part?.ToString()));
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));
    }
}
