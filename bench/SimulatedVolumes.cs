using ToNNO.Contracts;
using ToNNO.Tomography.Filtering;
using ToNNO.Tomography.Geometry;
using ToNNO.Tomography.Sampling;

namespace ToNNO.Bench;

/// <summary>Volumes without voxels: what scheduling needs to know of them.</summary>
internal static class SimulatedVolumes
{
    private static readonly int[] _edges = [128, 160, 192, 256, 320];

    public static RunSettings Settings(int directions) => new()
    {
        Model = "builtin:sum",
        ModelSha256 = "simulated",
        Set = DirectionSetKind.Rings,
        Directions = directions,
        Alpha = 2,
        Window = FilterWindow.None,
        Intensities = [IntensityMap.Identity],
    };

    /// <summary>A cube of an edge that its number decides; nothing of it is anywhere.</summary>
    public static VolumeTask Task(RunId run, RunSettings settings, int number, VolumeId? id = null)
    {
        var edge = _edges[(int)((uint)(number * 2654435761u) >> 16) % _edges.Length];
        return new VolumeTask
        {
            RunId = run,
            VolumeId = id ?? new($"volume-{number:D6}"),
            SourceUris = ["nowhere"],
            SourceSha256 = "simulated",
            Geometry = new(new(edge, edge, edge), AffineTransform.Scaling(1, 1, 1)),
            Settings = settings,
            LeaseDirections = 16,
            SlabCount = 2,
        };
    }
}
