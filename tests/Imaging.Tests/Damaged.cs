namespace ToNNO.Imaging.Tests;

/// <summary>Files with damage, for parsers that must read or refuse them.</summary>
internal static class Damaged
{
    /// <summary>The file cut short, or with a few bytes of it changed.</summary>
    public static byte[] Of(byte[] original, Random random)
    {
        byte[] bytes = [.. original];
        if (random.Next(8) == 0)
        {
            return bytes[..random.Next(bytes.Length)];
        }

        for (var changes = random.Next(1, 6); changes > 0; changes--)
        {
            var at = random.Next(bytes.Length);
            bytes[at] = random.Next(4) switch
            {
                0 => 0,
                1 => 0xff,
                2 => (byte)(bytes[at] ^ (1 << random.Next(8))),
                _ => (byte)random.Next(256),
            };
        }

        return bytes;
    }
}
