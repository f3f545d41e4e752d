using ToNNO.Tests.Support;
using ToNNO.Tonno.Nodes;

namespace ToNNO.Tonno.Tests.Nodes;

public sealed class NodeConfigurationTests : IDisposable
{
    private static readonly Dictionary<string, string> _none = [];
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Load_FileThenEnvironmentThenFlags_TheLaterGoFirst()
    {
        var file = Write("""{ "store": "/file", "cluster": { "port": 1111, "host": "file" }, "slice": { "encoders": 3 }, "coordinator": { "leaseDeadline": "00:10:00" } }""");
        var environment = new Dictionary<string, string> { ["TONNO_CLUSTER__PORT"] = "2222", ["TONNO_STORE"] = "/environment", ["TONNO_HOME"] = "/elsewhere", ["PATH"] = "/bin" };
        var loaded = NodeConfiguration.Load(file, environment, new Dictionary<string, string> { ["Store"] = "/flags" });
        Assert.Empty(loaded.Faults);
        var options = loaded.Options;
        Assert.Equal(("/flags", 2222, "file", 3), (options.Store, options.Cluster.Port, options.Cluster.Host, options.Slice.Encoders));
        Assert.Equal(TimeSpan.FromMinutes(10), options.Coordinator.LeaseDeadline);
        Assert.Equal("flags", Origin(loaded, "Store"));
        Assert.Equal("environment", Origin(loaded, "Cluster:Port"));
        Assert.Equal($"file {file}", Origin(loaded, "Slice:Encoders"));
        Assert.Equal("default", Origin(loaded, "Recon:PassivateAfter"));
    }

    [Fact]
    public void Load_ManyFaults_AllAreToldAtOnceWithTheirPlaces()
    {
        var file = Write("""{ "cluster": { "prt": 1, "port": 70000 }, "api": { "token": "secret" } }""");
        var environment = new Dictionary<string, string> { ["TONNO_SLICE__ENCODERS"] = "many", ["TONNO_ROLES"] = "coordinator,cook", ["TONNO_API__COORDINATORTIMEOUT"] = "later" };
        var flags = new Dictionary<string, string> { ["Cluster:Seeds"] = "somewhere,ok:4053", ["Cluster:Tls:Key"] = "key.pem", ["Http:Listen"] = "tonno:8080", ["LogLevel"] = "Loud" };
        var faults = NodeConfiguration.Load(file, environment, flags).Faults;
        string[] wanted =
        [
            "Store (default) must name the store",
            "LogLevel (flags) must be Trace",
            $"Cluster:Port must be between 1 and 65535 (file {file})",
            "Slice:Encoders (environment) must be a number, not 'many'",
            "Api:CoordinatorTimeout (environment) must be a time",
            $"cluster:prt (file {file}) is no option",
            "Roles names 'cook'",
            "Cluster:Seeds names 'somewhere'",
            "Cluster:Tls needs Certificate, Key and Authority",
            "Cluster:Tls names the file key.pem, which is not there",
            "Http:Listen must be an IP address and a port",
        ];
        Assert.All(wanted, part => Assert.Contains(faults, fault => fault.Contains(part, StringComparison.OrdinalIgnoreCase)));
        Assert.Equal(wanted.Length, faults.Count);
    }

    [Fact]
    public void Load_ValuesThatOthersRead_AreToldWithTheRest()
    {
        File.WriteAllText(_folder["file"], "no certificate");
        var flags = new Dictionary<string, string>
        {
            ["Store"] = _folder["file"],
            ["Slice:Device"] = "gpu",
            ["Slice:DrainDeadline"] = "00:00:45",
            ["Cluster:Port"] = "0",
            ["Cluster:Tls:Certificate"] = _folder["file"],
            ["Cluster:Tls:Key"] = _folder["file"],
            ["Cluster:Tls:Authority"] = _folder["file"],
        };
        string[] wanted =
        [
            "Store: '", "Slice:Device: \"gpu\" is no device", "Slice:DrainDeadline (00:00:45) must be shorter than StopTimeout (00:00:45)", "Cluster:Port must be between",
            "Cluster:Tls: The certificates",
        ];
        var faults = NodeConfiguration.Load(null, _none, flags).Faults;
        Assert.All(wanted, part => Assert.Contains(faults, fault => fault.Contains(part, StringComparison.Ordinal)));
        Assert.Equal(wanted.Length, faults.Count);

        flags = new() { ["Store"] = "ftp://x" };
        Assert.Contains("names no store", Assert.Single(NodeConfiguration.Load(null, _none, flags).Faults), StringComparison.Ordinal);
        flags["Store"] = "azure://heatmaps";
        Assert.StartsWith("Store: Nothing says which storage account", Assert.Single(NodeConfiguration.Load(null, _none, flags).Faults), StringComparison.Ordinal);
        Assert.Empty(NodeConfiguration.Load(null, new Dictionary<string, string> { ["AZURE_STORAGE_ACCOUNT"] = "hospital" }, flags).Faults);
    }

    /// <summary>A node that reads series of a PACS needs them, and they are no options of its own.</summary>
    [Fact]
    public void Load_IdentityForAPacs_NeitherFaultNorShown()
    {
        var environment = new Dictionary<string, string> { ["TONNO_STORE"] = "/s", ["TONNO_DICOMWEB__TOKEN"] = "secret", ["TONNO_DICOMWEB__BASIC"] = "secret", ["TONNO_STOW__TOKEN"] = "secret" };
        var loaded = NodeConfiguration.Load(null, environment, _none);
        Assert.Empty(loaded.Faults);
        Assert.DoesNotContain(loaded.Effective, option => option.Value.Contains("secret", StringComparison.Ordinal));
    }

    [Fact]
    public void Effective_TheToken_IsNeverShown()
    {
        var loaded = NodeConfiguration.Load(null, new Dictionary<string, string> { ["TONNO_API__TOKEN"] = "secret", ["TONNO_STORE"] = "/s" }, _none);
        Assert.Equal("secret", loaded.Options.Api.Token);
        Assert.DoesNotContain(loaded.Effective, option => option.Value.Contains("secret", StringComparison.Ordinal));
        Assert.Contains(loaded.Effective, option => option is { Key: "Api:Token", Value: "***" });
    }

    [Theory]
    [InlineData("http://c0:4053")]
    [InlineData("akka.tcp://tonno@c0:4053")]
    [InlineData("tonno@c0:4053")]
    [InlineData("c0:4053:4053")]
    [InlineData("c 0:4053")]
    [InlineData("::1:4053")]
    [InlineData(":4053")]
    [InlineData("c0:")]
    [InlineData("c0:+4053")]
    [InlineData("c0:0")]
    [InlineData("c0:65536")]
    public void Load_SeedThatIsNotHostAndPort_Refused(string seed)
    {
        var faults = NodeConfiguration.Load(null, _none, new Dictionary<string, string> { ["Store"] = "/s", ["Cluster:Seeds"] = $"ok:4053,{seed}" }).Faults;
        Assert.Equal($"Cluster:Seeds names '{seed}', which is not HOST:PORT.", Assert.Single(faults));
    }

    [Theory]
    [InlineData("Cluster:Host", "c0:4053")]
    [InlineData("Cluster:Host", "http://c0")]
    [InlineData("Cluster:Host", " ")]
    [InlineData("Cluster:Host", "c 0")]
    [InlineData("Cluster:Bind", "0.0.0.0:4053")]
    [InlineData("Cluster:Bind", " ")]
    public void Load_HostThatIsNone_Refused(string key, string host)
    {
        var faults = NodeConfiguration.Load(null, _none, new Dictionary<string, string> { ["Store"] = "/s", [key] = host }).Faults;
        Assert.Equal($"{key} must be a name or an address without a port, as in tonno-0 or 10.0.0.7, not '{host}'.", Assert.Single(faults));
    }

    [Theory]
    [InlineData("tonno-0.tonno.hospital.svc.cluster.local")]
    [InlineData("node_1")]
    [InlineData("10.0.0.7")]
    [InlineData("[fe80::7]")]
    public void Load_NameOrAddress_IsAHost(string host)
    {
        var flags = new Dictionary<string, string> { ["Store"] = "/s", ["Cluster:Host"] = host, ["Cluster:Bind"] = host, ["Cluster:Seeds"] = $"{host}:4053, {host}:1" };
        Assert.Empty(NodeConfiguration.Load(null, _none, flags).Faults);
    }

    [Fact]
    public void Load_EmptyHost_IsToldOnceAndAnEmptyBindIsHosts()
    {
        var flags = new Dictionary<string, string> { ["Store"] = "/s", ["Cluster:Host"] = "", ["Cluster:Bind"] = "" };
        Assert.StartsWith("Cluster:Host (flags) must be a name or address", Assert.Single(NodeConfiguration.Load(null, _none, flags).Faults), StringComparison.Ordinal);
    }

    [Fact]
    public void Load_ApiOpenToOthersWithoutToken_Refused()
    {
        var flags = new Dictionary<string, string> { ["Store"] = "/s", ["Http:Listen"] = "0.0.0.0:8080" };
        Assert.Contains("Api:Token is empty", Assert.Single(NodeConfiguration.Load(null, _none, flags).Faults), StringComparison.Ordinal);
        flags["Roles"] = "slice"; // serves health checks alone
        Assert.Empty(NodeConfiguration.Load(null, _none, flags).Faults);
        flags["Roles"] = "coordinator";
        flags["Api:Token"] = "secret";
        Assert.Empty(NodeConfiguration.Load(null, _none, flags).Faults);
    }

    [Theory]
    [InlineData("nowhere.json", null)]
    [InlineData("bad.json", "{ \"store\": ")]
    public void Load_FileThatCannotBeRead_Refused(string name, string? content)
    {
        var file = _folder[name];
        if (content is not null)
        {
            File.WriteAllText(file, content);
        }

        var faults = NodeConfiguration.Load(file, _none, new Dictionary<string, string> { ["Store"] = "/s" }).Faults;
        Assert.Contains("cannot be read", Assert.Single(faults), StringComparison.Ordinal);
    }

    [Fact]
    public void Load_EncodersNotGiven_AreOneACoreOfThisMachine()
    {
        var loaded = NodeConfiguration.Load(null, _none, new Dictionary<string, string> { ["Store"] = "/s", ["Slice:Device"] = "cpu" });
        Assert.Equal(Environment.ProcessorCount, loaded.Options.Slice.Encoders);
        Assert.Equal("this machine", Origin(loaded, "Slice:Encoders"));
    }

    private string Write(string json)
    {
        var file = _folder["node.json"];
        File.WriteAllText(file, json);
        return file;
    }

    private static string Origin(NodeConfiguration loaded, string key) => loaded.Effective.Single(option => option.Key == key).Origin;
}
