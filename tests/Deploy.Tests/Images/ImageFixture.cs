using System.Diagnostics;
using ToNNO.Tests.Support;

namespace ToNNO.Deploy.Tests.Images;

/// <summary>The files of both images, published by the Dockerfile's own commands from what it copies and nothing else; only folders are
/// others, and libtorch is the processor's.</summary>
public sealed class ImageFixture : IAsyncLifetime
{
    private static readonly Place _here = new(Repository.At("tests/Deploy.Tests/obj/images/source"), Repository.At("tests/Deploy.Tests/obj/images/build"));

    private static readonly Place _elsewhere = new(Repository.At("tests/Deploy.Tests/obj/elsewhere/a/copy"), Repository.At("tests/Deploy.Tests/obj/elsewhere/made"));

    private readonly Dockerfile _dockerfile = Dockerfile.Read();
    private readonly TemporaryFolder _folder = new();

    public string Slim => _folder["slim"];

    public string Slice => _folder["slice"];

    public async ValueTask InitializeAsync()
    {
        Gather(_here);
        await PublishAsync(_here, "slim", Slim);
        await PublishAsync(_here, "slice", Slice);
    }

    /// <summary>Publishes the files of both once more, from another folder and by way of another.</summary>
    public async Task<(string Slim, string Slice)> PublishElsewhereAsync()
    {
        Gather(_elsewhere);
        await PublishAsync(_elsewhere, "slim", _folder["elsewhere/slim"]);
        await PublishAsync(_elsewhere, "slice", _folder["elsewhere/slice"]);
        return (_folder["elsewhere/slim"], _folder["elsewhere/slice"]);
    }

    public ValueTask DisposeAsync()
    {
        _folder.Dispose();
        return ValueTask.CompletedTask;
    }

    /// <summary>Does what the first stage's COPY lines do, without build outputs, as .dockerignore has it.</summary>
    private void Gather(Place place)
    {
        if (Directory.Exists(place.Source))
        {
            Directory.Delete(place.Source, recursive: true);
        }

        foreach (var words in _dockerfile["slim-build"].Instructions.Where(instruction => instruction.Word == "COPY").Select(instruction => instruction.Text.Split(' ')))
        {
            foreach (var name in words[..^1])
            {
                var path = Repository.At(name);
                var files = File.Exists(path) ? [path] : Directory.EnumerateFiles(path, "*", SearchOption.AllDirectories)
                    .Where(file => !Path.GetRelativePath(Repository.Root, file).Split('/').Intersect(["bin", "obj"]).Any());
                foreach (var file in files)
                {
                    var copy = Path.Combine(place.Source, Path.GetRelativePath(Repository.Root, file));
                    Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
                    File.Copy(file, copy);
                    File.SetLastWriteTimeUtc(copy, File.GetLastWriteTimeUtc(file)); // else all would be compiled again
                }
            }
        }
    }

    private async Task PublishAsync(Place place, string image, string to)
    {
        var command = _dockerfile[$"{image}-build"]["RUN"].Replace("${TORCH}", "cpu", StringComparison.Ordinal);
        var words = command.Split(' ').Select(word => word switch
        {
            "/build" => place.Artifacts,
            _ when word.StartsWith("/app/", StringComparison.Ordinal) => to,
            _ => word,
        }).ToList();
        var start = new ProcessStartInfo(words[0], words[1..]) { WorkingDirectory = place.Source, RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var (name, value) in _dockerfile["slim-build"].Environment)
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

    /// <param name="Artifacts">Kept, so that only what has changed is compiled again.</param>
    private sealed record Place(string Source, string Artifacts);
}
