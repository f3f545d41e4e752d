using ToNNO.Tomography.Geometry;

namespace ToNNO.Contracts;

/// <summary><c>result.json</c>: written last, so that its presence with matching hashes is what "done" means.</summary>
public sealed record VolumeResult
{
    public const string FileName = "result.json";

    /// <summary>Version of this document.</summary>
    public int Version { get; init; } = 2;

    public required VolumeId VolumeId { get; init; }

    public required RunId RunId { get; init; }

    /// <summary>See <see cref="VolumeTask.WorkKey"/>.</summary>
    public required string WorkKey { get; init; }

    /// <summary>The trace of the work, which is somewhere to be seen where traces are exported.</summary>
    public string? TraceId { get; init; }

    public required InputFacts Input { get; init; }

    public required RunSettings Settings { get; init; }

    public required SamplingFacts Sampling { get; init; }

    public required SliceCounts Slices { get; init; }

    public required StageSeconds Seconds { get; init; }

    /// <summary>One for each class, in the settings' order.</summary>
    public required IReadOnlyList<HeatmapFacts> Heatmaps { get; init; }

    /// <summary>What each pass over the directions changed, in order; null where all were taken in one.</summary>
    public IReadOnlyList<PassFacts>? Passes { get; init; }

    public required SoftwareFacts Software { get; init; }

    /// <summary>What the user should know; empty where all is well.</summary>
    public required IReadOnlyList<string> Warnings { get; init; }

    /// <summary>The files of the result by name.</summary>
    public required IReadOnlyDictionary<string, FileFacts> Files { get; init; }

    /// <summary>Its volume's id alone, as of <see cref="VolumeTask"/>.</summary>
    public override string ToString() => VolumeId.Value;

    public static string FolderOf(VolumeId volume) => $"{volume}/";

    public static string PathOf(VolumeId volume) => $"{volume}/{FileName}";

    public sealed record FileFacts(string Sha256, long SizeBytes);

    /// <param name="Names">File names of the channels, in order.</param>
    /// <param name="SourceId">See <see cref="VolumeTask.SourceId"/>.</param>
    /// <param name="Affine">Rows of the 4x4 matrix from voxel index to world (RAS+, mm).</param>
    /// <param name="Intensities">The intensity windows of the channels, where each volume has its own.</param>
    /// <param name="Label">What the manifest of the run that made the result says of the volume; null where it says nothing.</param>
    public sealed record InputFacts(
        IReadOnlyList<string> Names,
        string Sha256,
        VolumeShape Shape,
        IReadOnlyList<IReadOnlyList<double>> Affine,
        string? SourceId = null,
        IReadOnlyList<IntensityMap>? Intensities = null,
        string? Label = null);

    /// <summary>The plan as it was resolved for this volume.</summary>
    public sealed record SamplingFacts(
        int Directions, int Offsets, double SpacingMm, double PixelMm, int Size, Vector3D CentreMm);

    /// <param name="Cut">Slices that were cut, blank ones among them.</param>
    /// <param name="Skipped">Slices whose logit is the blank slice's: they miss the volume or are blank.</param>
    /// <param name="Guessed">Slices of an adaptive run that were left out; their logits were taken from neighbouring
    /// directions. Planned = Skipped + Encoded + Guessed.</param>
    public sealed record SliceCounts(long Planned, long Cut, long Skipped, long Encoded, long Guessed = 0);

    /// <summary>Time of each stage, summed over the workers that shared it, and the time from start to end.</summary>
    public sealed record StageSeconds(double Read, double Cut, double Encode, double Backproject, double Publish, double Total);

    /// <param name="Class">Name of the class.</param>
    /// <param name="File">Name of the heatmap's file.</param>
    /// <param name="BlankLogit">The encoder's answer to a slice of fill.</param>
    /// <param name="Consistency">Whether to trust the heatmap; null where it is made of maps.</param>
    public sealed record HeatmapFacts(
        string Class,
        string File,
        double Minimum,
        double Maximum,
        double Mean,
        VoxelIndex PeakIndex,
        Vector3D PeakMm,
        double BlankLogit,
        double? Threshold = null,
        ConsistencyFacts? Consistency = null);

    /// <param name="Directions">Directions at the end of the pass.</param>
    /// <param name="Change">Of the heatmap against the pass before, relative L2; null for the first.</param>
    public sealed record PassFacts(int Directions, double? Change = null);

    /// <summary>From 0, where all fits, to 1; see <see cref="Tomography.Backprojection.SinogramConsistency"/>.</summary>
    public sealed record ConsistencyFacts(double ReprojectionResidual, double IntegralSpread);

    /// <param name="Device">What encoded, as in <c>cpu</c>; several, with a comma between, where leases went to several kinds.</param>
    /// <param name="Libtorch">Version of the libtorch that encoded; several likewise. Null where none did.</param>
    /// <param name="Batches">Slices of a forward pass, the fewest first. More than one number says that memory did not do for the largest,
    /// or that unlike machines encoded: logits then differ in their last bits from those of one size.</param>
    public sealed record SoftwareFacts(
        string Tonno, string Runtime, string OperatingSystem, string Device, string? Libtorch = null, IReadOnlyList<int>? Batches = null);
}
