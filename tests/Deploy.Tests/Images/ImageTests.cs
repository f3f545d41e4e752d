using System.Diagnostics;
using System.Runtime.InteropServices;
using ToNNO.Cluster.Tests;
using ToNNO.Contracts;
using ToNNO.Coordinator.Api;
using ToNNO.Tests.Support;
using ToNNO.Tonno.Clients;

namespace ToNNO.Deploy.Tests.Images;

/// <summary>Both images' files, run as processes, since no container can be built here.</summary>
public sealed class ImageTests(ImageFixture images) : IClassFixture<ImageFixture>, IAsyncDisposable
{
    private const int Terminate = 15;
    private static readonly TimeSpan _patience = TimeSpan.FromMinutes(2);
    private static readonly HttpClient _http = new() { Timeout = TimeSpan.FromSeconds(5) };
    private readonly Dockerfile _dockerfile = Dockerfile.Read();
    private readonly TemporaryFolder _folder = new();
    private readonly List<Process> _started = [];

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask DisposeAsync()
    {
        foreach (var process in _started)
        {
            if (!process.HasExited)
            {
                process.Kill();
                await process.WaitForExitAsync(CancellationToken.None);
            }

            process.Dispose();
        }

        _folder.Dispose();
    }

    /// <summary>No file more, and none less: slim.files, and slice.files for what it has besides. A package that brings another file shows here.</summary>
    [Fact]
    public async Task Files_OfBothImages_AreExactlyTheListed()
    {
        var slim = Files(images.Slim);
        Assert.Equal(await ListedAsync("slim"), slim.Order(StringComparer.Ordinal));
        Assert.Equal(await ListedAsync("slice"), Files(images.Slice).Except(slim).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task BothImages_PublishedElsewhere_AreTheSameBytes()
    {
        var (slim, slice) = await images.PublishElsewhereAsync();
        foreach (var (here, elsewhere) in new[] { (images.Slim, slim), (images.Slice, slice) })
        {
            Assert.Equal(Files(here).Order(), Files(elsewhere).Order());
            Assert.DoesNotContain(Files(elsewhere), file => !File.ReadAllBytes(Path.Combine(here, file)).AsSpan().SequenceEqual(File.ReadAllBytes(Path.Combine(elsewhere, file))));
        }
    }

    [Fact]
    public void Slim_ItsFiles_HaveNoNativeTorchAndNoOtherMachines()
    {
        Assert.DoesNotContain(Files(images.Slim), IsTorch);
        Assert.True(new DirectoryInfo(images.Slim).EnumerateFiles("*", SearchOption.AllDirectories).Sum(file => file.Length) < 150 << 20);
        foreach (var folder in new[] { images.Slim, images.Slice })
        {
            Assert.All(Files(folder).Where(file => file.EndsWith(".so", StringComparison.Ordinal)), file => Assert.Contains("/linux-x64/", file, StringComparison.Ordinal));
        }
    }

    [Fact]
    public void Slice_ItsFiles_AreSlimsAndTorch()
    {
        var more = Files(images.Slice).Except(Files(images.Slim)).ToList();
        Assert.Contains("runtimes/linux-x64/native/libLibTorchSharp.so", more);
        Assert.Contains("runtimes/linux-x64/native/libtorch_cpu.so", more);
        Assert.All(more, file => Assert.True(IsTorch(file), file));
        Assert.Empty(Files(images.Slim).Except(Files(images.Slice)));
    }

    /// <summary>The node that plans the run has no libtorch, the one that encodes has.</summary>
    [Fact]
    public async Task Nodes_OfBothImages_TakeARunThroughAndLeave()
    {
        var ports = FreePorts.Find(4);
        var slim = Start("slim", images.Slim, ports[0], ports[1], ports[0], ("TONNO_ROLES", "coordinator,recon"));
        var slice = Start("slice", images.Slice, ports[2], ports[3], ports[0], ("TONNO_ROLES", "slice"), ("TONNO_SLICE__DEVICE", "cpu"));
        foreach (var port in new[] { ports[1], ports[3] })
        {
            foreach (var path in new[] { Tonno.Nodes.NodeHealth.Started, Tonno.Nodes.NodeHealth.Live, Tonno.Nodes.NodeHealth.Ready })
            {
                await UntilAnsweredAsync(port, path);
            }
        }

        Directory.CreateDirectory(_folder["in"]);
        var volume = new NiftiBytes { Shape = new(14, 13, 12), Intensity = (i, j, k) => i is > 3 and < 8 && j is > 4 and < 8 && k is > 3 and < 7 ? 1 : 0 };
        await File.WriteAllBytesAsync(_folder["in/one.nii"], volume.Plain(), Cancel);
        using var client = new ClusterClient(new Uri($"http://127.0.0.1:{ports[1]}/"), "");
        var order = new RunOrder { RunId = "images", Sources = [_folder["in"]], Model = SmallModel.Save(_folder["model"]), Directions = 32 };
        await client.SubmitAsync(order, Cancel);
        await client.EventsAsync("images", Cancel).ToListAsync(Cancel);
        var view = await client.RunAsync("images", Cancel);
        Assert.Equal((RunState.Finished, 1), (view.State, view.Counts.Completed));
        Assert.True(File.Exists(_folder["store/one/result.json"]));
        var refused = await Assert.ThrowsAsync<Tonno.Commands.CommandException>(() => client.SubmitAsync(order with { RunId = "maps", Method = "averaged-cam" }, Cancel));
        Assert.Equal("encoder.torch_missing", refused.Code);

        foreach (var process in new[] { slice, slim })
        {
            Assert.Equal(0, Send(process.Id, Terminate));
            await process.WaitForExitAsync(Cancel).WaitAsync(_patience, Cancel);
            Assert.Equal(0, process.ExitCode);
        }
    }

    /// <summary>A sum of pixels needs no torch; a device does, and one that is missing is told by name.</summary>
    [Fact]
    public async Task Slim_RoleSlice_IsRefused()
    {
        var ports = FreePorts.Find(2);
        var process = Start("slim", images.Slim, ports[0], ports[1], ports[0], ("TONNO_ROLES", "slice"), ("TONNO_SLICE__DEVICE", "cpu"));
        var errors = process.StandardError.ReadToEndAsync(Cancel);
        await process.WaitForExitAsync(Cancel).WaitAsync(_patience, Cancel);
        Assert.Equal(2, process.ExitCode);
        Assert.StartsWith("encoder.torch_missing: ", await errors, StringComparison.Ordinal);
    }

    [Fact]
    public void Stages_WhatRuns_IsPinnedAndNobodysRoot()
    {
        foreach (var target in new[] { "slim", "slice" })
        {
            var stage = _dockerfile[target];
            Assert.Equal("${RUNTIME}", stage.From);
            Assert.Equal("1654:1654", stage["USER"]);
            Assert.DoesNotContain(stage.Instructions, instruction => instruction.Word == "RUN");
            Assert.Equal(
                [$"--from={target}-build /app/{target} .", "--from=codecs /codecs ."],
                stage.Instructions.Where(instruction => instruction.Word == "COPY").Select(instruction => instruction.Text));
        }

        // What refusals of JPEG-LS and JPEG 2000 tell users to install.
        Assert.Equal("${SDK}", _dockerfile["codecs"].From);
        Assert.Contains(" libcharls2 libopenjp2-7 ", _dockerfile["codecs"]["RUN"], StringComparison.Ordinal);

        Assert.Equal("${SDK}", _dockerfile["slim-build"].From);
        Assert.Equal("slim-build", _dockerfile["slice-build"].From);
        Assert.All([_dockerfile.Arguments["SDK"], _dockerfile.Arguments["RUNTIME"]], image => Assert.Matches(@":\d+\.\d+\.\d+-", image));
        Assert.Equal("cuda", _dockerfile.Arguments["TORCH"]);
    }

    /// <summary>The launcher's settings of malloc and threads are the slice image's too.</summary>
    [Fact]
    public async Task Slice_ItsEnvironment_IsTheLaunchers()
    {
        var shell = Process.Start(new ProcessStartInfo("bash", ["-c", "env -i bash -c 'source build/environment.sh; env'"]) { WorkingDirectory = Repository.Root, RedirectStandardOutput = true })!;
        _started.Add(shell);
        var launcher = (await shell.StandardOutput.ReadToEndAsync(Cancel)).Split('\n').Where(line => line.StartsWith("MALLOC_", StringComparison.Ordinal) || line.StartsWith("OMP_", StringComparison.Ordinal));
        var image = _dockerfile["slice"].Environment.Select(pair => $"{pair.Key}={pair.Value}");
        Assert.Equal(4, launcher.Count());
        Assert.Empty(launcher.Except(image));
    }

    private Process Start(string target, string folder, int port, int httpPort, int seedPort, params (string Name, string Value)[] more)
    {
        var stage = _dockerfile[target];
        var start = new ProcessStartInfo(stage.EntryPoint[0], [.. stage.EntryPoint.Skip(1), "node"]) { WorkingDirectory = folder, RedirectStandardError = true };
        foreach (var (name, value) in stage.Environment.Select(pair => (pair.Key, pair.Value)).Concat(more).Concat(
        [
            ("TONNO_STORE", _folder["store"]), ("TONNO_CLUSTER__PORT", $"{port}"), ("TONNO_CLUSTER__SEEDS", $"127.0.0.1:{seedPort}"), ("TONNO_HTTP__LISTEN", $"127.0.0.1:{httpPort}"), ("TONNO_LOGLEVEL", "Error"),
        ]))
        {
            start.Environment[name] = value;
        }

        var process = Process.Start(start)!;
        _started.Add(process);
        return process;
    }

    private static async Task UntilAnsweredAsync(int port, string path)
    {
        var begun = Stopwatch.GetTimestamp();
        while (true)
        {
            try
            {
                using var answer = await _http.GetAsync(new Uri($"http://127.0.0.1:{port}{path}"), Cancel);
                if (answer.IsSuccessStatusCode)
                {
                    return;
                }
            }
            catch (HttpRequestException) when (Stopwatch.GetElapsedTime(begun) < _patience)
            {
                // It has not started yet.
            }

            Assert.True(Stopwatch.GetElapsedTime(begun) < _patience, $"{path} never answered well");
            await Task.Delay(100, Cancel);
        }
    }

    private static bool IsTorch(string file) => file.StartsWith("runtimes/linux-x64/native/", StringComparison.Ordinal)
        && (file.Contains("orch", StringComparison.Ordinal) || file.Contains("libc10", StringComparison.Ordinal) || file.Contains("libgomp", StringComparison.Ordinal));

    private static Task<string[]> ListedAsync(string image) => File.ReadAllLinesAsync(Repository.At($"tests/Deploy.Tests/Images/{image}.files"), Cancel);

    private static List<string> Files(string folder) => [.. Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories).Select(file => Path.GetRelativePath(folder, file))];

    [DllImport("libc", EntryPoint = "kill", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Send(int process, int signal);
}
