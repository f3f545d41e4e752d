using System.Collections.Concurrent;
using System.ComponentModel;
using System.Diagnostics;
using ToNNO.Tests.Support;

namespace ToNNO.Deploy.Tests.Kubernetes;

/// <summary>What <c>kubectl kustomize</c> makes of the files in deploy/k8s, which needs neither a cluster nor a network.</summary>
internal static class Kustomization
{
    public static IReadOnlyList<string> Overlays { get; } = Folders("overlays");

    public static IReadOnlyList<string> Components { get; } = Folders("components");

    private static readonly ConcurrentDictionary<string, Lazy<Task<string>>> _overlays = new();

    /// <summary>An overlay as it is applied.</summary>
    public static Task<string> OverlayAsync(string name) => _overlays.GetOrAdd(name, new Lazy<Task<string>>(() => RenderAsync(Repository.At($"deploy/k8s/overlays/{name}")))).Value;

    /// <summary>The base with some components and the settings that they leave to overlays.</summary>
    public static async Task<string> BaseAsync(params string[] components)
    {
        using var folder = new TemporaryFolder();
        string From(string path) => Path.GetRelativePath(folder.Path, Repository.At($"deploy/k8s/{path}"));
        await File.WriteAllLinesAsync(
            folder["kustomization.yaml"],
            [
                "namespace: tonno",
                $"resources: [\"{From("base")}\"]",
                $"components: [{string.Join(", ", components.Select(component => $"\"{From($"components/{component}")}\""))}]",
                "configMapGenerator: [{ name: tonno, behavior: merge, literals: [TONNO_STORE=/store, OTEL_EXPORTER_OTLP_ENDPOINT=] }]",
            ],
            TestContext.Current.CancellationToken);
        return await RenderAsync(folder.Path);
    }

    private static async Task<string> RenderAsync(string folder)
    {
        Process process;
        try
        {
            process = Process.Start(new ProcessStartInfo("kubectl", ["kustomize", folder]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        }
        catch (Win32Exception)
        {
            Assert.Skip("kubectl is not installed: what it makes of deploy/k8s cannot be looked at.");
            throw;
        }

        using (process)
        {
            var errors = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
            var text = await process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
            await process.WaitForExitAsync(TestContext.Current.CancellationToken);
            Assert.True(process.ExitCode == 0 && (await errors).Length == 0, $"kubectl kustomize {folder}: {await errors}");
            return text;
        }
    }

    private static List<string> Folders(string kind) =>
        [.. Directory.EnumerateDirectories(Repository.At($"deploy/k8s/{kind}")).Select(folder => Path.GetFileName(folder)).Order(StringComparer.Ordinal)];
}
