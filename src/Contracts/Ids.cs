namespace ToNNO.Contracts;

/// <summary>One job over an archive.</summary>
public readonly record struct RunId(string Value)
{
    public override string ToString() => Value;
}

/// <summary>A volume of a run: its folder's name in the store.</summary>
public readonly record struct VolumeId(string Value)
{
    public override string ToString() => Value;
}

/// <summary>A slab of one of a task's heatmaps: planes <paramref name="FirstK"/> and on of the slowest axis.</summary>
/// <param name="Class">Whose heatmap: place of the class among those of the settings.</param>
public readonly record struct SlabRange(int Index, int Class, int FirstK, int CountK);

/// <summary>A class of a model, of which a heatmap is made.</summary>
/// <param name="Index">Place of its logit among the model's.</param>
/// <param name="Name">Its name in the model's metadata.</param>
public readonly record struct ModelClass(int Index, string Name)
{
    /// <summary>The class of a model that has one, unnamed.</summary>
    public static ModelClass Only { get; } = new(0, "");
}

/// <summary>A range of a task's directions.</summary>
public readonly record struct DirectionRange(int First, int Count)
{
    public int End => First + Count;
}

/// <summary>A block of a volume's directions that an encoder gives back.</summary>
public sealed record ReturnedLease(RunId RunId, VolumeId VolumeId, DirectionRange Directions);

/// <summary>A blob in the run's store. Arrays live in blobs; messages carry references.</summary>
public readonly record struct BlobRef(string Path, string ETag);
