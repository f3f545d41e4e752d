using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace ToNNO.Tomography.Slicing;

/// <summary>How kernels read a sample type.</summary>
internal interface IStoredSamples<T>
    where T : unmanaged
{
    static abstract float Read(T sample);

    /// <summary>Of eight places in memory, the sample there and the next one.</summary>
    static abstract unsafe void ReadPairs(T* samples, int* places, out Vector256<float> first, out Vector256<float> second);
}

/// <remarks>Pairs come by eight loads of 64 bits, not by the gather instruction: measured on Zen 4, four such reads and the rest of a
/// pixel take half as long as with gathers of 64 bits and a third of the time with gathers of 32 (docs/adr/0005-slicing.md).</remarks>
internal readonly struct FloatSamples : IStoredSamples<float>
{
    public static float Read(float sample) => sample;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static unsafe void ReadPairs(float* samples, int* places, out Vector256<float> first, out Vector256<float> second)
    {
        var even = Vector256.Create(TwoPairs(samples, places[0], places[1]), TwoPairs(samples, places[4], places[5]));
        var odd = Vector256.Create(TwoPairs(samples, places[2], places[3]), TwoPairs(samples, places[6], places[7]));
        first = Avx.Shuffle(even, odd, 0b10_00_10_00);
        second = Avx.Shuffle(even, odd, 0b11_01_11_01);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static unsafe Vector128<float> TwoPairs(float* samples, int low, int high) =>
        Sse.LoadHigh(Sse2.LoadScalarVector128((double*)(samples + (uint)low)).AsSingle(), samples + (uint)high);
}

internal readonly struct Int16Samples : IStoredSamples<short>
{
    public static float Read(short sample) => sample;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static unsafe void ReadPairs(short* samples, int* places, out Vector256<float> first, out Vector256<float> second)
    {
        var pairs = Vector256.Create(FourPairs(samples, places), FourPairs(samples, places + 4));
        first = Avx.ConvertToVector256Single(Avx2.ShiftRightArithmetic(Avx2.ShiftLeftLogical(pairs, 16), 16));
        second = Avx.ConvertToVector256Single(Avx2.ShiftRightArithmetic(pairs, 16));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static unsafe Vector128<int> FourPairs(short* samples, int* places)
    {
        var pairs = Sse2.LoadScalarVector128((int*)(samples + (uint)places[0]));
        pairs = Sse41.Insert(pairs, *(int*)(samples + (uint)places[1]), 1);
        pairs = Sse41.Insert(pairs, *(int*)(samples + (uint)places[2]), 2);
        return Sse41.Insert(pairs, *(int*)(samples + (uint)places[3]), 3);
    }
}
