namespace ToNNO.Tonno.Tests.Demo;

/// <summary>The checkout that these tests were built in.</summary>
internal static class SampleFolder
{
    public static string Root { get; } = Find();

    private static string Find()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (Directory.Exists(Path.Combine(folder.FullName, "samples", "pet", "images")))
            {
                return folder.FullName;
            }
        }

        throw new DirectoryNotFoundException("There is no samples/pet above the tests.");
    }
}
