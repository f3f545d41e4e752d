using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;

namespace ToNNO.Encoders;

/// <summary>oneDNN, by which libtorch computes on x86-64, and which some virtual machines mislead.</summary>
/// <remarks>
/// It divides its work by the sizes of the caches. A processor of AMD is asked for them at leaf 8000001Dh (AMD64 Architecture
/// Programmer's Manual, volume 3, appendix E); a hypervisor that hides them answers that there are none, and oneDNN of libtorch 2.10
/// takes that for three caches of one byte. Its reorders then drop channels: of 400 random convolutions 36 had values or gradients that
/// were wrong in the first digit, and some ended the process. Told that no cache is known it takes usual sizes, and none is wrong. Without
/// oneDNN the CPU would be two to three times slower, and a slice's logit would depend on its place in the batch.
/// </remarks>
internal static unsafe class OneDnn
{
    private const uint LeafOfCaches = 0x8000001D;

    private const int CachesAsked = 3;

    /// <summary>True where the processor's caches are known to it.</summary>
    /// <param name="cpuid">The instruction: leaf and subleaf to EAX, EBX, ECX, EDX.</param>
    public static bool KnowsCaches(Func<int, int, (int Eax, int Ebx, int Ecx, int Edx)> cpuid)
    {
        var (_, first, third, second) = cpuid(0, 0);
        if ((first, second, third) != (0x68747541, 0x69746E65, 0x444D4163)) // "Auth", "enti", "cAMD"
        {
            return true;
        }

        var last = (uint)cpuid(unchecked((int)0x80000000), 0).Eax;
        return last < LeafOfCaches || (cpuid(unchecked((int)LeafOfCaches), 0).Eax & 0x1F) != 0; // the type of the first cache, 0 for none
    }

    /// <summary>Tells it where no cache is known, before its first computation.</summary>
    /// <returns>False where that is wanted and cannot be done: it must not compute then.</returns>
    public static bool SetRight()
    {
        if (!X86Base.IsSupported || KnowsCaches(X86Base.CpuId))
        {
            return true;
        }

        if (LoadedLibrary.Find("libtorch_cpu.so")?.AddressOf("_ZN4dnnl4impl3cpu3x643cpuEv") is not { } address)
        {
            return false;
        }

        var processor = ((delegate* unmanaged<Processor*>)address)();
        if (processor->CacheLevels == CachesAsked && processor->CacheBytes[0] == 1)
        {
            processor->CacheLevels = 0;
        }

        return processor->CacheLevels == 0;
    }

    /// <summary>What <c>dnnl::impl::cpu::x64::cpu()</c> gives: <c>Xbyak::util::Cpu</c>, as libtorch 2.10 was built with it.</summary>
    [StructLayout(LayoutKind.Explicit)]
    private struct Processor
    {
        [FieldOffset(0x1C)]
        public fixed uint CacheBytes[10];

        [FieldOffset(0x6C)]
        public uint CacheLevels;
    }
}
