namespace ToNNO.Tests.Support;

internal sealed class TemporaryFolder : IDisposable
{
    private const int Attempts = 50;

    public string Path { get; } = Directory.CreateTempSubdirectory("tonno-tests-").FullName;

    public string this[string name] => System.IO.Path.Combine(Path, name);

    public void Dispose()
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                Directory.Delete(Path, recursive: true);
                return;
            }
            catch (IOException) when (attempt < Attempts)
            {
                // What a test ended may still be writing its last file.
                Thread.Yield();
            }
        }
    }
}
