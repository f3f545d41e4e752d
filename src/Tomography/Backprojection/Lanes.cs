using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace ToNNO.Tomography.Backprojection;

/// <summary>Instructions to backproject with. Each gives the same bits.</summary>
internal enum Instructions
{
    Unspecified = 0,
    Scalar = 1,
    Avx2 = 2,
    Avx512 = 3,
}

/// <summary>What a kernel asks of a register of floats; written once, it is compiled for each width.</summary>
/// <remarks>Products are fused in every width, so that no width rounds differently.</remarks>
/// <typeparam name="TVector">The register: a vector, or one float.</typeparam>
internal unsafe interface ILanes<TVector>
    where TVector : unmanaged
{
    /// <summary>Floats to a register; a divisor of <see cref="KnotLines.Tile"/>.</summary>
    static abstract int Count { get; }

    static abstract TVector Load(float* source);

    static abstract void Store(TVector value, float* target);

    static abstract TVector Broadcast(float value);

    static abstract TVector Add(TVector a, TVector b);

    static abstract TVector Subtract(TVector a, TVector b);

    /// <summary>a·b + c, rounded once.</summary>
    static abstract TVector MultiplyAdd(TVector a, TVector b, TVector c);

    /// <summary>The numbers first, first + 1, ...</summary>
    static abstract TVector CountFrom(float first);

    static abstract TVector Truncate(TVector value);

    /// <summary>Asks for a register's worth of memory that will be read and written soon.</summary>
    static abstract void Prefetch(float* address);

    /// <summary>The entries of a table of at least <see cref="Count"/> entries at whole numbers below 4.</summary>
    static abstract TVector Lookup(float* table, TVector indices);
}

internal readonly unsafe struct ScalarLanes : ILanes<float>
{
    public static int Count => 1;

    public static float Load(float* source) => *source;

    public static void Store(float value, float* target) => *target = value;

    public static float Broadcast(float value) => value;

    public static float Add(float a, float b) => a + b;

    public static float Subtract(float a, float b) => a - b;

    public static float MultiplyAdd(float a, float b, float c) => MathF.FusedMultiplyAdd(a, b, c);

    public static float CountFrom(float first) => first;

    public static float Truncate(float value) => MathF.Truncate(value);

    public static void Prefetch(float* address)
    {
        // One float at a time, memory keeps up.
    }

    public static float Lookup(float* table, float indices) => table[(int)indices];
}

internal readonly unsafe struct Avx2Lanes : ILanes<Vector256<float>>
{
    public static int Count => 8;

    public static Vector256<float> Load(float* source) => Vector256.Load(source);

    public static void Store(Vector256<float> value, float* target) => value.Store(target);

    public static Vector256<float> Broadcast(float value) => Vector256.Create(value);

    public static Vector256<float> Add(Vector256<float> a, Vector256<float> b) => a + b;

    public static Vector256<float> Subtract(Vector256<float> a, Vector256<float> b) => a - b;

    public static Vector256<float> MultiplyAdd(Vector256<float> a, Vector256<float> b, Vector256<float> c) =>
        Vector256.FusedMultiplyAdd(a, b, c);

    public static Vector256<float> CountFrom(float first) => Vector256.CreateSequence(first, 1);

    public static Vector256<float> Truncate(Vector256<float> value) => Vector256.Truncate(value);

    public static void Prefetch(float* address) => Sse.Prefetch0(address);

    public static Vector256<float> Lookup(float* table, Vector256<float> indices) =>
        Vector256.ShuffleNative(Vector256.Load(table), Vector256.ConvertToInt32Native(indices));
}

internal readonly unsafe struct Avx512Lanes : ILanes<Vector512<float>>
{
    public static int Count => 16;

    public static Vector512<float> Load(float* source) => Vector512.Load(source);

    public static void Store(Vector512<float> value, float* target) => value.Store(target);

    public static Vector512<float> Broadcast(float value) => Vector512.Create(value);

    public static Vector512<float> Add(Vector512<float> a, Vector512<float> b) => a + b;

    public static Vector512<float> Subtract(Vector512<float> a, Vector512<float> b) => a - b;

    public static Vector512<float> MultiplyAdd(Vector512<float> a, Vector512<float> b, Vector512<float> c) =>
        Vector512.FusedMultiplyAdd(a, b, c);

    public static Vector512<float> CountFrom(float first) => Vector512.CreateSequence(first, 1);

    public static Vector512<float> Truncate(Vector512<float> value) => Vector512.Truncate(value);

    public static void Prefetch(float* address) => Sse.Prefetch0(address);

    public static Vector512<float> Lookup(float* table, Vector512<float> indices) =>
        Vector512.ShuffleNative(Vector512.Load(table), Vector512.ConvertToInt32Native(indices));
}
