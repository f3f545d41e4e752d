using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using ToNNO.Contracts;
using ToNNO.Tests.Support;
using ToNNO.Tonno.Clients;

namespace ToNNO.Cluster.Tests.Nodes;

/// <summary>Nodes that talk by mutual TLS, and others that would like to.</summary>
public sealed class TlsTests : IAsyncLifetime
{
    private static readonly TimeSpan _patience = TimeSpan.FromMinutes(3);
    private static readonly Dictionary<string, string> _none = [];
    private readonly Workplace _work = new();
    private readonly NodeGroup _nodes = [];
    private readonly List<int> _ports = FreePorts.Find(10);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        await _nodes.DisposeAsync();
        _work.Dispose();
    }

    [Fact]
    public async Task Cluster_WithMutualTls_WorksAndLetsNoStrangerIn()
    {
        using var own = Authority("own");
        using var other = Authority("other");
        var first = Start("coordinator,recon", 0, Certificate(own, "first"));
        var second = Start("slice", 1, Certificate(own, "second"));
        using var client = new ClusterClient(new Uri($"http://127.0.0.1:{first.HttpPort}/"), "");
        await ReadyAsync(first, second);
        Assert.All((await client.ClusterAsync(Cancel)).Nodes, node => Assert.StartsWith("akka.ssl.tcp://", node.Address, StringComparison.Ordinal));

        var forged = Start("slice", 2, Certificate(other, "forged"));
        var plain = Start("slice", 3, tls: []);
        // It trusts the cluster as the cluster's own nodes do; that it is not let in is the cluster's doing alone.
        var stranger = Start("slice", 4, Certificate(other, "stranger", trusted: own));
        _work.Write("a.nii", Workplace.Volume(1).Plain());
        await client.SubmitAsync(TestCluster.Order("tls", _work.In, "builtin:sum"), Cancel);
        await UntilAsync("the run is finished", async () => (await client.RunAsync("tls", Cancel)).State == RunState.Finished);
        Assert.Equal(["a"], _work.Done());

        await UntilAsync("the forged node is refused", () => Task.FromResult(Said(2, "node.tls_refused: ")));
        await UntilAsync("the plain node has knocked in vain", () => Task.FromResult(Said(3, "Couldn't join seed nodes")));
        // Where it has shaken hands before it is refused, all that it sees is a connection that closes.
        await UntilAsync("the stranger is refused or has knocked in vain", () => Task.FromResult(Said(4, "node.tls_refused: ") || Said(4, "Couldn't join seed nodes")));
        await UntilAsync("the cluster says that it refused a certificate", () => Task.FromResult(Said(0, "The remote certificate was rejected")));
        Assert.Equal(2, (await client.ClusterAsync(Cancel)).Nodes.Count);
        Assert.False(await forged.IsReadyAsync() || await plain.IsReadyAsync() || await stranger.IsReadyAsync());
        Assert.Equal((1, 1), (first.Lives, second.Lives));
    }

    private Task UntilAsync(string what, Func<Task<bool>> condition) =>
        Eventually.HoldsAsync(what, _patience, condition, _nodes.Told);

    private Task ReadyAsync(params NodeProcess[] nodes) => UntilAsync("the nodes are ready", async () =>
    {
        foreach (var node in nodes)
        {
            if (!await node.IsReadyAsync())
            {
                return false;
            }
        }

        return true;
    });

    private bool Said(int at, string what) => File.Exists(_work[$"node-{at}.log"]) && File.ReadAllText(_work[$"node-{at}.log"]).Contains(what, StringComparison.Ordinal);

    private NodeProcess Start(string roles, int at, string[] tls)
    {
        var node = new NodeProcess(
            $"node-{at}",
            _ports[at + 5],
            [
                "--roles", roles, "--store", _work.Out, "--port", $"{_ports[at]}", "--seeds", $"127.0.0.1:{_ports[0]}", "--listen", $"127.0.0.1:{_ports[at + 5]}", "--device", "cpu", "--encoders", "1", .. tls,
            ],
            _none,
            _work[$"node-{at}.log"]);
        _nodes.Add(node);
        return node;
    }

    private static X509Certificate2 Authority(string name)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: true, false, 0, critical: true));
        return request.CreateSelfSigned(DateTimeOffset.UnixEpoch.AddYears(50), DateTimeOffset.UnixEpoch.AddYears(90));
    }

    /// <summary>Options of a node with a certificate that an authority signed.</summary>
    /// <param name="trusted">The authority that others' certificates must be signed by, where it is not the same.</param>
    private string[] Certificate(X509Certificate2 authority, string name, X509Certificate2? trusted = null)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        using var certificate = request.Create(authority, authority.NotBefore, authority.NotAfter, RandomNumberGenerator.GetBytes(8));
        var (own, secret, authorities) = (_work[$"{name}.crt"], _work[$"{name}.key"], _work[$"{name}-authority.crt"]);
        File.WriteAllText(own, certificate.ExportCertificatePem());
        File.WriteAllText(secret, key.ExportPkcs8PrivateKeyPem());
        File.WriteAllText(authorities, (trusted ?? authority).ExportCertificatePem());
        return ["--option", $"Cluster:Tls:Certificate={own}", "--option", $"Cluster:Tls:Key={secret}", "--option", $"Cluster:Tls:Authority={authorities}"];
    }
}
