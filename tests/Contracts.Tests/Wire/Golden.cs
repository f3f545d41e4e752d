using System.Runtime.CompilerServices;

namespace ToNNO.Contracts.Tests.Wire;

/// <summary>Messages as nodes of earlier releases wrote them, in base64: tests/Contracts.Tests/Golden/{manifest}.txt.</summary>
/// <remarks>To add the golden of a new row, run the tests once with TONNO_ADD_GOLDEN=1 and commit the file. A golden that is
/// there is never written again: where it no longer matches, the wire format broke, and the change needs a row of its own.</remarks>
internal static class Golden
{
    public static IEnumerable<string> Names => Directory.EnumerateFiles(Folder(), "*.txt").Select(file => Path.GetFileNameWithoutExtension(file)!);

    public static byte[] Require(string manifest, byte[] written)
    {
        var file = Path.Combine(Folder(), manifest + ".txt");
        if (!File.Exists(file))
        {
            Assert.True(
                Environment.GetEnvironmentVariable("TONNO_ADD_GOLDEN") == "1",
                $"There is no golden of {manifest}: run the tests once with TONNO_ADD_GOLDEN=1 and commit Golden/{manifest}.txt.");
            File.WriteAllText(file, Convert.ToBase64String(written, Base64FormattingOptions.InsertLineBreaks) + "\n");
        }

        return Convert.FromBase64String(File.ReadAllText(file));
    }

    private static string Folder([CallerFilePath] string thisFile = "") =>
        Path.Combine(Path.GetDirectoryName(Path.GetDirectoryName(thisFile))!, "Golden");
}
