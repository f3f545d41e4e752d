namespace ToNNO.Imaging.Tests;

/// <summary>The test data beside the repository (../shared/data), which not every machine has.</summary>
internal static class SharedData
{
    /// <summary>A path below shared/data; skips the test, aloud, where it is missing.</summary>
    public static string Path(string relative)
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            var path = System.IO.Path.Combine(folder.FullName, "shared", "data", relative);
            if (System.IO.Path.Exists(path))
            {
                return path;
            }
        }

        Assert.Skip($"../shared/data/{relative} is not on this machine.");
        return "";
    }
}
