namespace ToNNO.Deploy.Tests.Kubernetes;

/// <summary>Every overlay, and the base with each component, is what it means to be.</summary>
public sealed class ManifestTests
{
    public static TheoryData<string> Builds =>
    [
        .. Kustomization.Overlays,
        "base",
        .. Kustomization.Components.Select(component => component == "dicomweb-gateway" ? $"base+network-policies+{component}" : $"base+{component}"),
    ];

    [Theory]
    [MemberData(nameof(Builds))]
    public async Task Manifests_OfEveryBuild_LoadStrictlyAndBreakNoRule(string build)
    {
        var manifests = Manifests.Load(await RenderAsync(build));
        Assert.Equal(3, manifests.Nodes.Count());
        Assert.Empty(ManifestRules.All.SelectMany(rule => rule.Value(manifests).Select(fault => $"{rule.Key}: {fault}")));
    }

    [Fact]
    public async Task Operations_OfWhatIsBrought_TellsAllOfIt()
    {
        var text = await File.ReadAllTextAsync(Repository.At("docs/operations.md"), TestContext.Current.CancellationToken);
        Assert.All(ManifestRules.Brought, one => Assert.Contains(text.Split('\n'), line => one.Value.Prepend(one.Key.Split('/')[1]).All(word => line.Contains($"`{word}`", StringComparison.Ordinal))));
        Assert.All(ManifestRules.Brought.SelectMany(one => one.Value), key => Assert.Contains($"--from-literal={key}=", text, StringComparison.Ordinal));
        Assert.Contains($"`{ManifestRules.Prometheus}`", text, StringComparison.Ordinal);
    }

    internal static Task<string> RenderAsync(string build) =>
        build.Split('+') is ["base", .. var components] ? Kustomization.BaseAsync(components) : Kustomization.OverlayAsync(build);
}
