using System.Runtime.InteropServices;
using ToNNO.Imaging.Dicom;

[assembly: DefaultDllImportSearchPaths(NativeCodec.Places)]

namespace ToNNO.Imaging.Dicom;

/// <summary>Decoders that no package brings: libraries of the machine, or beside the program's own files.</summary>
internal static class NativeCodec
{
    /// <summary>Where libraries are looked for.</summary>
    public const DllImportSearchPath Places = DllImportSearchPath.AssemblyDirectory | DllImportSearchPath.SafeDirectories;

    /// <summary>The library can be loaded.</summary>
    public static bool IsThere(string library) => NativeLibrary.TryLoad(library, typeof(NativeCodec).Assembly, Places, out _);
}
