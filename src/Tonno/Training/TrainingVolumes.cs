using ToNNO.Imaging;
using ToNNO.Tomography.Geometry;
using ToNNO.Tonno.Commands;

namespace ToNNO.Tonno.Training;

/// <summary>The volumes of a training: kept in memory as far as a bound allows, the others read again whenever they are asked for.</summary>
/// <remarks>Which are kept does not change: where all are asked for alike, a cache that forgets would keep nothing longer.</remarks>
internal sealed class TrainingVolumes
{
    private readonly Entry[] _entries;

    private TrainingVolumes(Entry[] entries) => _entries = entries;

    public int Count => _entries.Length;

    public Volume this[int index] => _entries[index].Kept ?? _entries[index].Read(long.MaxValue, CancellationToken.None);

    public VolumeGeometry Geometry(int index) => _entries[index].Geometry;

    /// <summary>SHA-256 of a volume's file.</summary>
    public string Sha256(int index) => _entries[index].Sha256;

    /// <summary>Reads each volume once.</summary>
    /// <param name="memoryBytes">Most that the volumes kept may take.</param>
    /// <param name="visit">Sees each volume, with its number.</param>
    /// <exception cref="CommandException">A file is no volume of finite voxels.</exception>
    public static TrainingVolumes Open(IReadOnlyList<string> paths, long memoryBytes, Action<int, Volume> visit, CancellationToken cancel)
    {
        var entries = new Entry[paths.Count];
        try
        {
            // All headers before the first voxel: what is wrong with the last file is said at once.
            var headers = paths.Select(path => Imaging.Nifti.NiftiReader.ReadHeader(path)).ToList();
            for (var index = 0; index < entries.Length; index++)
            {
                var facts = VolumeSource.Inspect([paths[index]], cancel);
                var entry = new Entry(paths[index], facts.Sha256, headers[index].Geometry);
                var volume = entry.Read(long.MaxValue, cancel);
                visit(index, volume);
                if (headers[index].PredictedBytes <= memoryBytes)
                {
                    memoryBytes -= headers[index].PredictedBytes;
                    entry = entry with { Kept = volume };
                }

                entries[index] = entry;
            }
        }
        catch (ImagingException unsound)
        {
            throw new CommandException(ExitCodes.Usage, unsound.Code, unsound.Message);
        }

        return new(entries);
    }

    private sealed record Entry(string Path, string Sha256, VolumeGeometry Geometry)
    {
        public Volume? Kept { get; init; }

        public Volume Read(long limitBytes, CancellationToken cancel) => VolumeSource.Load([Path], Sha256, limitBytes, cancel)[0].Volume;
    }
}
