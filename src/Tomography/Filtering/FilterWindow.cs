namespace ToNNO.Tomography.Filtering;

/// <summary>What tames the filter's gain at high frequencies.</summary>
public enum FilterWindow
{
    Unspecified = 0,
    None = 1,

    /// <summary>cos(ωh/2).</summary>
    Cosine = 2,

    /// <summary>(1 + cos ωh)/2.</summary>
    Hann = 3,

    /// <summary>sinc^α(ωh/2): at α = 2 the three taps {-1, 2, -1}/h².</summary>
    ThreePoint = 4,
}
