namespace ToNNO.Tomography.Slicing;

/// <summary>How a slice is computed. All paths give the same bits.</summary>
public enum SlicePath
{
    /// <summary>The fastest that this processor has.</summary>
    Fastest = 0,

    /// <summary>One pixel at a time, on any processor.</summary>
    Scalar = 1,

    /// <summary>Eight pixels at a time, with AVX2 and FMA.</summary>
    Avx2 = 2,
}
