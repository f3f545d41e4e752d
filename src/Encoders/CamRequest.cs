namespace ToNNO.Encoders;

/// <summary>How a class activation map is made of features A <c>[K, M, M]</c> and the gradient of the class's logit y in them.</summary>
public enum CamKind
{
    Unspecified = 0,

    /// <summary>relu(Σ_k mean(∂y/∂A_k) A_k): one weight for each channel (Selvaraju et al., ICCV 2017, eq. 1 and 2).</summary>
    GradCam = 1,

    /// <summary>relu(Σ_k relu(∂y/∂A_k) A_k): a weight for each place of each channel (Jiang et al., IEEE TIP 30, 2021).</summary>
    LayerCam = 2,
}

/// <summary>Which class activation maps: how they are made, of which layer's features, for which classes.</summary>
/// <param name="Layer">One of <see cref="ICamEncoder.CamLayers"/>.</param>
/// <param name="Classes">Indices of the classes in the encoder's card.</param>
public sealed record CamRequest(CamKind Kind, string Layer, IReadOnlyList<int> Classes);
