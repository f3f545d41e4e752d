using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using ToNNO.Contracts;
using ToNNO.Tests.Support;
using ToNNO.Tonno.Clients;

namespace ToNNO.Cluster.Tests.Nodes;

/// <summary>Nodes that talk by mutual TLS, and others that would like to.</summary>
public sealed class TlsTests : IAsyncLifetime
{
    private static readonly Dictionary<string, string> _none = [];
    private readonly Workplace _work = new();
    private readonly List<NodeProcess> _nodes = [];
    private readonly List<int> _ports = FreePorts.Find(8);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        foreach (var node in _nodes)
        {
            await node.DisposeAsync();
        }

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
        _work.Write("a.nii", Workplace.Volume(1).Plain());
        await client.SubmitAsync(TestCluster.Order("tls", _work.In, "builtin:sum"), Cancel);
        await client.EventsAsync("tls", Cancel).ToListAsync(Cancel);
        Assert.Equal(RunState.Finished, (await client.RunAsync("tls", Cancel)).State);
        Assert.Equal(["a"], _work.Done());

        // Both have knocked by now, and again and again.
        await UntilAsync(() => Task.FromResult(Knocked(2) && Knocked(3)));
        Assert.Equal(2, (await client.ClusterAsync(Cancel)).Nodes.Count);
        Assert.False(await forged.IsReadyAsync() || await plain.IsReadyAsync());
        Assert.Equal((1, 1), (first.Lives, second.Lives));
    }

    private static async Task UntilAsync(Func<Task<bool>> condition)
    {
        while (!await condition())
        {
            await Task.Delay(100, Cancel);
        }
    }

    private static Task ReadyAsync(params NodeProcess[] nodes) => UntilAsync(async () =>
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

    /// <summary>True once a node has tried to join, and failed.</summary>
    private bool Knocked(int at) => File.Exists(_work[$"node-{at}.log"]) && File.ReadAllText(_work[$"node-{at}.log"]).Contains("Couldn't join seed nodes", StringComparison.Ordinal);

    private NodeProcess Start(string roles, int at, string[] tls)
    {
        var node = new NodeProcess(
            $"node-{at}",
            _ports[at + 4],
            [
                "--roles", roles, "--store", _work.Out, "--port", $"{_ports[at]}", "--seeds", $"127.0.0.1:{_ports[0]}", "--listen", $"127.0.0.1:{_ports[at + 4]}", "--device", "cpu", "--encoders", "1", .. tls,
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
    private string[] Certificate(X509Certificate2 authority, string name)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        using var certificate = request.Create(authority, authority.NotBefore, authority.NotAfter, RandomNumberGenerator.GetBytes(8));
        var (own, secret, authorities) = (_work[$"{name}.crt"], _work[$"{name}.key"], _work[$"{name}-authority.crt"]);
        File.WriteAllText(own, certificate.ExportCertificatePem());
        File.WriteAllText(secret, key.ExportPkcs8PrivateKeyPem());
        File.WriteAllText(authorities, authority.ExportCertificatePem());
        return ["--option", $"Cluster:Tls:Certificate={own}", "--option", $"Cluster:Tls:Key={secret}", "--option", $"Cluster:Tls:Authority={authorities}"];
    }
}
