namespace ToNNO.Encoders.Networks;

/// <summary>The numbers that a network computes with. Slices and logits are float32 whatever it is.</summary>
public enum EncoderPrecision
{
    Fp32 = 0,

    /// <summary>Weights and activations of eight significant bits, sums in float32: about twice as fast where the processor has
    /// AVX512-BF16 or AMX, at logits that differ by about a hundredth of their spread.</summary>
    Bf16,
}
