namespace ToNNO.Contracts;

/// <summary>How the maps of all directions become a heatmap; docs/adr/0004-cam-methods.md.</summary>
public enum CamMethod
{
    Unspecified = 0,

    /// <summary>Their mean over the directions of the set.</summary>
    Averaged = 1,

    /// <summary>The same, after each stack is filtered along its direction.</summary>
    Tomographic = 2,

    /// <summary>The maps of axial slices alone.</summary>
    OneAxis = 3,

    /// <summary>The mean over axial, sagittal and coronal slices.</summary>
    ThreeAxes = 4,

    /// <summary>No maps and no encoder: what falls with the distance from the volume's centre, the baseline that does not look.</summary>
    CentreBlob = 5,
}

/// <summary>How a map is made of a layer's features and their gradient.</summary>
public enum MapKind
{
    Unspecified = 0,
    GradCam = 1,
    LayerCam = 2,
}

/// <summary>What a heatmap is made of instead of logits.</summary>
/// <param name="Kind">Unspecified where there are no maps.</param>
/// <param name="Layer">The layer of the encoder; empty where there are no maps.</param>
/// <param name="CellPixels">Pixels of a slice to a cell of its map, along one axis; about so many, for planning.</param>
public sealed record CamSettings(CamMethod Method, MapKind Kind, string Layer, double CellPixels)
{
    /// <summary>Memory of one direction's maps.</summary>
    public long StackBytes(int offsetCount, int size)
    {
        var edge = (long)Math.Ceiling(size / CellPixels);
        return edge * edge * offsetCount * sizeof(float);
    }
}
