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

/// <summary>A slab of one task's heatmap: planes <paramref name="FirstK"/> and on of the slowest axis.</summary>
public readonly record struct SlabRange(int Index, int FirstK, int CountK);

/// <summary>A range of a task's directions.</summary>
public readonly record struct DirectionRange(int First, int Count)
{
    public int End => First + Count;
}

/// <summary>A blob in the run's store. Arrays live in blobs; messages carry references.</summary>
public readonly record struct BlobRef(string Path, string ETag);
