using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace ToNNO.Imaging;

/// <summary>What kind of thing a path names, which .NET does not tell: to open a named pipe would wait for its writer for ever.</summary>
internal static class FileKind
{
    private const int CurrentFolder = -100; // AT_FDCWD
    private const uint TypeMask = 1; // STATX_TYPE
    private const int ModeAt = 28; // of stx_mode in struct statx, the same on every architecture
    private const int TypeBits = 0xF000; // S_IFMT
    private const int Regular = 0x8000; // S_IFREG

    /// <summary>True for a pipe, a socket, a device or a folder; false for a file, and for what cannot be looked at, which opening will tell of.</summary>
    public static bool IsNoFile(string path)
    {
        var status = new byte[256];
        return StatX(CurrentFolder, path, 0, TypeMask, status) == 0
            && (BinaryPrimitives.ReadUInt16LittleEndian(status.AsSpan(ModeAt)) & TypeBits) != Regular;
    }

    [DllImport("libc", EntryPoint = "statx", CharSet = CharSet.Ansi, BestFitMapping = false, ThrowOnUnmappableChar = true)]
    private static extern int StatX(int folder, [MarshalAs(UnmanagedType.LPUTF8Str)] string path, int flags, uint mask, byte[] status);
}
