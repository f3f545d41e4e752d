using System.Diagnostics;
using ToNNO.Tests.Support;

namespace ToNNO.Deploy.Tests.Images;

/// <summary>The files of both images, published by the Dockerfile's own commands from what it copies and nothing else; only folders are
/// others, and libtorch is the processor's.</summary>
public sealed class ImageFixture : IAsyncLifetime
{
    /// <summary>Kept, so that only what has changed is compiled again.</summary>
    private static readonly string _artifacts = Repository.At("tests/Deploy.Tests/obj/images/build");

    private static readonly string _source = Repository.At("tests/Deploy.Tests/obj/images/source");

    private readonly TemporaryFolder _folder = new();

    public string Slim => _folder["slim"];

    public string Slice => _folder["slice"];

    public async ValueTask InitializeAsync()
    {
        var dockerfile = Dockerfile.Read();
        Gather(dockerfile["slim-build"]);
        await PublishAsync(dockerfile["slim-build"], dockerfile["slim-build"]["RUN"]);
        await PublishAsync(dockerfile["slim-build"], dockerfile["slice-build"]["RUN"].Replace("${TORCH}", "cpu", StringComparison.Ordinal));
    }

    public ValueTask DisposeAsync()
    {
        _folder.Dispose();
        return ValueTask.CompletedTask;
    }

    /// <summary>Does what the stage's COPY lines do, without build outputs, as .dockerignore has it.</summary>
    private static void Gather(Dockerfile.Stage stage)
    {
        if (Directory.Exists(_source))
        {
            Directory.Delete(_source, recursive: true);
        }

        foreach (var words in stage.Instructions.Where(instruction => instruction.Word == "COPY").Select(instruction => instruction.Text.Split(' ')))
        {
            foreach (var name in words[..^1])
            {
                var path = Repository.At(name);
                var files = File.Exists(path) ? [path] : Directory.EnumerateFiles(path, "*", SearchOption.AllDirectories)
                    .Where(file => !Path.GetRelativePath(Repository.Root, file).Split('/').Intersect(["bin", "obj"]).Any());
                foreach (var file in files)
                {
                    var copy = Path.Combine(_source, Path.GetRelativePath(Repository.Root, file));
                    Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
                    File.Copy(file, copy);
                    File.SetLastWriteTimeUtc(copy, File.GetLastWriteTimeUtc(file)); // else all would be compiled again
                }
            }
        }
    }

    private async Task PublishAsync(Dockerfile.Stage stage, string command)
    {
        var words = command.Split(' ').Select(word => word switch
        {
            "/build" => _artifacts,
            _ when word.StartsWith("/app/", StringComparison.Ordinal) => _folder[word["/app/".Length..]],
            _ => word,
        }).ToList();
        var start = new ProcessStartInfo(words[0], words[1..]) { WorkingDirectory = _source, RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var (name, value) in stage.Environment)
        {
            start.Environment[name] = value;
        }

        start.Environment["CreateHardLinksForPublishFilesIfPossible"] = "true"; // libtorch has half a gigabyte
        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync();
        var output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        Assert.True(process.ExitCode == 0, $"{command}:\n{output}\n{await errors}");
    }
}
