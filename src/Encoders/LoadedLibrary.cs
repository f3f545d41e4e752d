using System.Globalization;
using System.IO.MemoryMappedFiles;
using System.Runtime.InteropServices;
using System.Text;

namespace ToNNO.Encoders;

/// <summary>A shared library of this process, where the loader put it.</summary>
/// <param name="Path">Its file.</param>
/// <param name="Start">The address of its first byte.</param>
internal sealed record LoadedLibrary(string Path, nint Start)
{
    private const int SymbolTable = 2; // SHT_SYMTAB

    /// <returns>The library, or null where the process has none of this name, or is not on Linux.</returns>
    public static LoadedLibrary? Find(string name)
    {
        if (!OperatingSystem.IsLinux())
        {
            return null;
        }

        foreach (var line in File.ReadLines("/proc/self/maps"))
        {
            // 7f00-7f10 r--p 00000000 fe:01 12345  /path: the range, its rights, its place in the file, the device, the file
            var parts = line.Split(' ', 6, StringSplitOptions.RemoveEmptyEntries);
            if (parts.Length == 6 && parts[5].EndsWith("/" + name, StringComparison.Ordinal) && ulong.Parse(parts[2], NumberStyles.HexNumber, CultureInfo.InvariantCulture) == 0)
            {
                return new LoadedLibrary(parts[5], nint.Parse(parts[0].AsSpan(0, parts[0].IndexOf('-')), NumberStyles.HexNumber, CultureInfo.InvariantCulture));
            }
        }

        return null;
    }

    /// <summary>Where one of its symbols lies, also one that it does not export: its file is asked (System V ABI, chapter 4; 64 bits,
    /// little-endian).</summary>
    /// <returns>The address, or null where its file has no such symbol, or none at all.</returns>
    public unsafe nint? AddressOf(string symbol)
    {
        using var file = MemoryMappedFile.CreateFromFile(Path, FileMode.Open, null, 0, MemoryMappedFileAccess.Read);
        using var view = file.CreateViewAccessor(0, 0, MemoryMappedFileAccess.Read);
        byte* content = null;
        view.SafeMemoryMappedViewHandle.AcquirePointer(ref content);
        try
        {
            ReadOnlySpan<byte> Part(ulong at, ulong length) => new(content + at, checked((int)length));
            var (sections, count) = (MemoryMarshal.Read<ulong>(Part(0x28, 8)), MemoryMarshal.Read<ushort>(Part(0x3C, 2)));
            ReadOnlySpan<Section> headers = MemoryMarshal.Cast<byte, Section>(Part(sections, (ulong)(count * sizeof(Section))));
            foreach (var table in headers)
            {
                if (table.Type == SymbolTable)
                {
                    var names = headers[(int)table.Link];
                    var name = Part(names.Offset, names.Size).IndexOf(Encoding.ASCII.GetBytes($"\0{symbol}\0")) + 1;
                    foreach (var one in name > 0 ? MemoryMarshal.Cast<byte, Symbol>(Part(table.Offset, table.Size)) : [])
                    {
                        if (one.Name == name)
                        {
                            return Start + (nint)one.Value;
                        }
                    }
                }
            }

            return null;
        }
        finally
        {
            view.SafeMemoryMappedViewHandle.ReleasePointer();
        }
    }

    /// <summary>Elf64_Shdr.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 64)]
    private struct Section
    {
        [FieldOffset(4)]
        public uint Type;

        [FieldOffset(24)]
        public ulong Offset;

        [FieldOffset(32)]
        public ulong Size;

        [FieldOffset(40)]
        public uint Link;
    }

    /// <summary>Elf64_Sym.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 24)]
    private struct Symbol
    {
        [FieldOffset(0)]
        public uint Name;

        [FieldOffset(8)]
        public ulong Value;
    }
}
