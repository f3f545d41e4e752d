using System.Diagnostics;
using System.Text.Json.Nodes;

namespace ToNNO.Encoders.Tests;

/// <summary>Which libtorch a build takes. The CUDA package is some gigabytes and is not restored here; what is asked is the project itself.</summary>
public sealed class TorchPackageTests
{
    private const string Cpu = "libtorch-cpu-linux-x64", Cuda = "libtorch-cuda-12.8-linux-x64";

    [Theory]
    [InlineData(null, Cpu)]
    [InlineData("cpu", Cpu)]
    [InlineData("none", Cpu)] // restored alike, and then left out
    [InlineData("cuda", Cuda)]
    public async Task Build_TonnoTorch_PicksOnePackage(string? torch, string expected)
    {
        var project = await EvaluateAsync(torch);
        List<string> Identities(string items) => [.. project["Items"]![items]!.AsArray().Select(item => item!["Identity"]!.GetValue<string>())];
        Assert.Equal([expected], Identities("PackageReference").Where(name => name.StartsWith("libtorch", StringComparison.Ordinal)));
        var versions = project["Items"]!["PackageVersion"]!.AsArray()
            .Where(item => item!["Identity"]!.GetValue<string>() is Cpu or Cuda)
            .Select(item => item!["Version"]!.GetValue<string>()).ToList();
        Assert.Equal(2, versions.Count);
        Assert.Equal(versions[0], versions[1]);

        // Lock files are those of the CPU package, and a locked restore of another would fail.
        var (lockFile, locked) = (project["Properties"]!["NuGetLockFilePath"]!.GetValue<string>(), project["Properties"]!["RestoreLockedMode"]!.GetValue<string>());
        Assert.Equal(expected == Cuda, lockFile.EndsWith("obj/packages.cuda.lock.json", StringComparison.Ordinal));
        Assert.Equal(expected == Cuda ? "false" : "true", locked);
    }

    private static async Task<JsonNode> EvaluateAsync(string? torch)
    {
        var start = new ProcessStartInfo("dotnet", ["msbuild", Path.Combine(Root(), "src", "Encoders", "Encoders.csproj"), "-nologo", "-getItem:PackageReference,PackageVersion", "-getProperty:NuGetLockFilePath,RestoreLockedMode", "-p:CI=true"])
        {
            RedirectStandardOutput = true,
        };
        start.Environment.Remove("TonnoTorch");
        if (torch is not null)
        {
            start.ArgumentList.Add($"-p:TonnoTorch={torch}");
        }

        using var process = Process.Start(start)!;
        var output = await process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.Equal(0, process.ExitCode);
        return JsonNode.Parse(output)!;
    }

    private static string Root()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder!.FullName, "ToNNO.sln")))
        {
            folder = folder.Parent;
        }

        return folder.FullName;
    }
}
