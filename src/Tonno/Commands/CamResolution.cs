using ToNNO.Contracts;
using ToNNO.Encoders;
using ToNNO.Tomography.Sampling;

namespace ToNNO.Tonno.Commands;

/// <summary>The methods that make a heatmap of something else than logits, by their names on the command line.</summary>
internal static class CamResolution
{
    /// <summary>Slice that tells how fine maps are, where a model takes any size.</summary>
    private const int TypicalSize = 256;

    private static readonly Dictionary<string, CamMethod> _methods = new()
    {
        ["averaged-cam"] = CamMethod.Averaged,
        ["tomographic-cam"] = CamMethod.Tomographic,
        ["cam-axis"] = CamMethod.OneAxis,
        ["cam-3axis"] = CamMethod.ThreeAxes,
        ["centre-blob"] = CamMethod.CentreBlob,
    };

    public static string[] MethodNames => ["tonno", .. _methods.Keys];

    /// <summary>Null for ToNNO itself, which needs logits alone.</summary>
    public static CamMethod? Method(string name) => _methods.TryGetValue(name, out var method) ? method : null;

    public static MapKind Kind(string? name) => name == "layercam" ? MapKind.LayerCam : MapKind.GradCam;

    /// <summary>The directions that a method prescribes, or null where they are the user's choice.</summary>
    public static (DirectionSetKind Set, int Count)? Axes(CamMethod? method) => method switch
    {
        CamMethod.OneAxis or CamMethod.CentreBlob => (DirectionSetKind.Axial, 1),
        CamMethod.ThreeAxes => (DirectionSetKind.ThreeAxes, 3),
        _ => null,
    };

    /// <summary>Finds the layer and how fine its maps are.</summary>
    /// <param name="encoder">Null where there is no libtorch: only a network knows its layers.</param>
    /// <param name="layer">The layer's name, or null for the encoder's default.</param>
    /// <exception cref="EncoderException">The encoder makes no maps, or has no such layer.</exception>
    public static CamSettings Resolve(ISliceEncoder? encoder, CamMethod method, MapKind kind, string? layer)
    {
        if (method == CamMethod.CentreBlob)
        {
            return new CamSettings(method, MapKind.Unspecified, "", CellPixels: 1);
        }

        var name = (encoder ?? throw TorchLibrary.Missing()).ResolveCamLayer(layer);
        var format = new SliceFormat(encoder.Card.SliceSize ?? TypicalSize, encoder.Card.PixelMm ?? 1);
        return new CamSettings(method, kind, name, ((ICamEncoder)encoder).CamGrid(format, name).CellMm / format.PixelMm);
    }
}
