using ToNNO.Contracts;
using ToNNO.Tomography.Filtering;
using ToNNO.Tomography.Geometry;
using ToNNO.Tomography.Sampling;

namespace ToNNO.Tests.Support;

/// <summary>Tasks that a test can see through: 3 leases of 16 directions, 2 slabs.</summary>
internal static class SmallWork
{
    public const int Directions = 48;

    public static RunId Run { get; } = new("run-1");

    public static RunSettings Settings { get; } = new()
    {
        Model = "builtin:sum",
        ModelSha256 = "55f49c3c578ebef5acc255d1913af6185bc0b59c85052d2389d95f491df85953",
        Set = DirectionSetKind.Rings,
        Directions = Directions,
        Alpha = 2,
        Window = FilterWindow.None,
        Intensities = [IntensityMap.Identity],
    };

    public static VolumeTask Task(string id = "a", int edge = 8, int leaseDirections = 16) => new()
    {
        RunId = Run,
        VolumeId = new(id),
        SourceUris = [$"/nowhere/{id}.nii"],
        SourceSha256 = "00",
        Geometry = new(new(edge, edge, edge), AffineTransform.Scaling(1, 1, 1)),
        Settings = Settings,
        LeaseDirections = leaseDirections,
        SlabCount = 2,
    };

    public static IReadOnlyList<DirectionRange> Leases(VolumeTask task) => [.. task.Leases()];

    public static BlobRef Blob(string path) => new(path, "tag");
}
