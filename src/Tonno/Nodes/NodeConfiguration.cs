using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Globalization;
using System.Net;
using System.Reflection;
using Microsoft.Extensions.Configuration;
using ToNNO.Encoders;
using ToNNO.SliceActors;
using ToNNO.Storage;
using ToNNO.Tonno.Commands;
using ToNNO.Tonno.DicomWeb;
using ToNNO.Tonno.Exporting;

namespace ToNNO.Tonno.Nodes;

/// <summary>A node's options from defaults, configuration file, environment and flags, each of which goes before those named earlier.</summary>
internal sealed class NodeConfiguration
{
    /// <summary>Environment variables bear the key behind this, <c>__</c> for <c>:</c>, as in <c>TONNO_CLUSTER__PORT</c>.</summary>
    public const string EnvironmentPrefix = "TONNO_";

    private static readonly string[] _secrets = ["Api:Token"];

    /// <summary>As whom PACS are asked, whoever the process is: read where they are asked, no options of a node.</summary>
    internal static readonly string[] OfPacs = [DicomWebFiles.Identity.TokenVariable, DicomWebFiles.Identity.BasicVariable, StowClient.TokenVariable, StowClient.BasicVariable];
    private readonly List<string> _faults = [];
    private readonly List<EffectiveOption> _effective = [];

    private NodeConfiguration(IReadOnlyList<Layer> layers, IReadOnlyDictionary<string, string> environment)
    {
        var known = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        Options = new NodeOptions();
        Bind(Options, "", layers, known);
        foreach (var (layer, key) in layers.SelectMany(layer => layer.Values.Keys.Where(key => !known.Contains(key)).Select(key => (layer, key))))
        {
            _faults.Add($"{key} ({layer.Name}) is no option; `tonno config show --effective` lists them.");
        }

        Check("Slice:Device", () => TorchDevice.ThrowIfInvalid(Options.Slice.Device));
        if (Options.Store.Length > 0)
        {
            Check("Store", () => BlobStores.Open(Options.Store, name => environment.GetValueOrDefault(name)));
        }

        CheckTogether();

        // Only nodes that encode need have torch.
        if (Options.RoleList.Contains(SliceHosting.Role) && !_effective.Any(option => option.Key == "Slice:Encoders" && option.Origin != EffectiveOption.Default) && _faults.Count == 0)
        {
            SetDefault(Options.Slice, nameof(SliceOptions.Encoders), "Slice:Encoders", TorchDevice.IsCuda(Options.Slice.Device) ? 1 : Environment.ProcessorCount);
        }
    }

    public NodeOptions Options { get; }

    /// <summary>All that is wrong, a sentence each; empty where the node may start.</summary>
    public IReadOnlyList<string> Faults => _faults;

    /// <summary>Every option, its value and where that comes from; secrets are hidden.</summary>
    public IReadOnlyList<EffectiveOption> Effective => _effective;

    /// <param name="file">JSON, or null for none.</param>
    /// <param name="environment">Variables of the process.</param>
    /// <param name="flags">Values of the command line by key.</param>
    public static NodeConfiguration Load(string? file, IReadOnlyDictionary<string, string> environment, IReadOnlyDictionary<string, string> flags)
    {
        var layers = new List<Layer>();
        string? unreadable = null;
        if (file is not null)
        {
            try
            {
                var values = new ConfigurationBuilder().AddJsonFile(Path.GetFullPath(file), optional: false).Build().AsEnumerable();
                layers.Add(new($"file {file}", values.Where(pair => pair.Value is not null).ToDictionary(pair => pair.Key, pair => pair.Value!, StringComparer.OrdinalIgnoreCase)));
            }
            catch (Exception refused) when (refused is IOException or InvalidDataException or UnauthorizedAccessException or FormatException)
            {
                unreadable = $"The file {file} cannot be read: {refused.InnerException?.Message ?? refused.Message}";
            }
        }

        // Names without "__" may be others', such as TONNO_HOME; only sections can be told to be ours.
        var own = environment.Where(pair => pair.Key.StartsWith(EnvironmentPrefix, StringComparison.Ordinal) && !OfPacs.Contains(pair.Key)
            && (pair.Key.Contains("__", StringComparison.Ordinal) || IsRootOption(pair.Key[EnvironmentPrefix.Length..])));
        var byKey = own.ToLookup(pair => pair.Key[EnvironmentPrefix.Length..].Replace("__", ":", StringComparison.Ordinal), StringComparer.OrdinalIgnoreCase);
        layers.Add(new("environment", byKey.ToDictionary(same => same.Key, same => same.First().Value, StringComparer.OrdinalIgnoreCase)));
        layers.Add(new("flags", flags));
        var configuration = new NodeConfiguration(layers, environment);
        configuration._faults.AddRange(byKey.Where(same => same.Count() > 1).Select(same => $"{same.Key} is given by several variables of the environment, {string.Join(" and ", same.Select(pair => pair.Key).Order(StringComparer.Ordinal))}: keep one."));
        if (unreadable is not null)
        {
            configuration._faults.Insert(0, unreadable);
        }

        return configuration;
    }

    private static bool IsRootOption(string name) => typeof(NodeOptions).GetProperties().Any(property => IsOption(property) && IsLeaf(property.PropertyType)
        && string.Equals(property.Name, name.Replace("_", "", StringComparison.Ordinal), StringComparison.OrdinalIgnoreCase) && !name.Contains('_', StringComparison.Ordinal));

    private static bool IsOption(PropertyInfo property) => property.CanWrite && property.GetCustomAttribute<BrowsableAttribute>()?.Browsable != false;

    private static bool IsLeaf(Type type) => type == typeof(string) || type.IsValueType;

    private void Bind(object section, string prefix, IReadOnlyList<Layer> layers, HashSet<string> known)
    {
        foreach (var property in section.GetType().GetProperties().Where(IsOption))
        {
            var key = prefix + property.Name;
            if (!IsLeaf(property.PropertyType))
            {
                Bind(property.GetValue(section)!, key + ":", layers, known);
                continue;
            }

            known.Add(key);
            var layer = layers.LastOrDefault(layer => layer.Values.ContainsKey(key));
            if (layer is not null && !TrySet(section, property, layer.Values[key]))
            {
                _faults.Add($"{key} ({layer.Name}) must be {Wanted(property.PropertyType)}, not '{Shown(key, layer.Values[key])}'.");
                continue;
            }

            var results = new List<ValidationResult>();
            if (!Validator.TryValidateProperty(property.GetValue(section), new ValidationContext(section) { MemberName = property.Name, DisplayName = key }, results))
            {
                _faults.AddRange(results.Select(result => result.ErrorMessage!.StartsWith("must", StringComparison.Ordinal)
                    ? $"{key} ({layer?.Name ?? EffectiveOption.Default}) {result.ErrorMessage}."
                    : $"{result.ErrorMessage!.TrimEnd('.')} ({layer?.Name ?? EffectiveOption.Default})."));
            }

            _effective.Add(new EffectiveOption(
                key, Shown(key, Text(property.GetValue(section))), layer?.Name ?? EffectiveOption.Default, property.GetCustomAttribute<DescriptionAttribute>()?.Description));
        }
    }

    private void SetDefault(object section, string name, string key, object value)
    {
        section.GetType().GetProperty(name)!.SetValue(section, value);
        var at = _effective.FindIndex(option => option.Key == key);
        if (at >= 0)
        {
            _effective[at] = _effective[at] with { Value = Text(value), Origin = "this machine" };
        }
    }

    /// <summary>What one option demands of another.</summary>
    private void CheckTogether()
    {
        var (cluster, tls) = (Options.Cluster, Options.Cluster.Tls);
        foreach (var role in Options.RoleList.Except(RoleNames.All))
        {
            _faults.Add($"Roles names '{role}', which is none: choose among {string.Join(", ", RoleNames.All)}.");
        }

        if (Options.RoleList.Count == 0)
        {
            _faults.Add($"Roles names no role: choose among {string.Join(", ", RoleNames.All)}.");
        }

        // Empty ones are told of by the options themselves.
        foreach (var (key, host) in new[] { ("Cluster:Host", cluster.Host), ("Cluster:Bind", cluster.Bind) }.Where(named => named.Item2.Length > 0 && !IsHost(named.Item2)))
        {
            _faults.Add($"{key} must be a name or an address without a port, as in tonno-0 or 10.0.0.7, not '{host}'.");
        }

        foreach (var seed in cluster.SeedList.Where(seed => !IsHostAndPort(seed)))
        {
            _faults.Add($"Cluster:Seeds names '{seed}', which is not HOST:PORT.");
        }

        string[] tlsFiles = [tls.Certificate, tls.Key, tls.Authority];
        if (tlsFiles.Any(file => file.Length > 0) && tlsFiles.Any(file => file.Length == 0))
        {
            _faults.Add("Cluster:Tls needs Certificate, Key and Authority, all three.");
        }

        var absent = tlsFiles.Where(file => file.Length > 0 && !File.Exists(file)).ToList();
        _faults.AddRange(absent.Select(file => $"Cluster:Tls names the file {file}, which is not there."));
        if (absent.Count == 0 && tlsFiles.All(file => file.Length > 0))
        {
            Check("Cluster:Tls", () => NodeTls.Options(tls));
        }

        if (Options.Slice.DrainDeadline >= Options.StopTimeout)
        {
            _faults.Add($"Slice:DrainDeadline ({Options.Slice.DrainDeadline:c}) must be shorter than StopTimeout ({Options.StopTimeout:c}), within which the node stops.");
        }

        if (Endpoint(Options.Http.Listen) is not { } endpoint)
        {
            _faults.Add($"Http:Listen must be an IP address and a port, as in 0.0.0.0:8080, not '{Options.Http.Listen}'.");
        }
        else if (Options.RoleList.Contains(RoleNames.All[0]) && Options.Api.Token.Length == 0 && !IPAddress.IsLoopback(endpoint.Address))
        {
            _faults.Add($"Api:Token is empty, but others than this machine reach the API at {Options.Http.Listen}: set a token (by {EnvironmentPrefix}API__TOKEN), or listen on 127.0.0.1.");
        }
    }

    /// <summary>What can be told of a value by itself.</summary>
    private void Check(string key, Action read)
    {
        try
        {
            read();
        }
        catch (Exception refused) when (refused is EncoderException or CommandException or BlobStoreException)
        {
            _faults.Add($"{key}: {refused.Message}");
        }
    }

    private static bool IsHost(string text) => Uri.CheckHostName(text) != UriHostNameType.Unknown;

    /// <remarks>An address of IPv6 stands in brackets: without them nobody knows where it ends.</remarks>
    private static bool IsHostAndPort(string text) => text.LastIndexOf(':') is var colon and > 0 && IsHost(text[..colon])
        && (text[0] == '[' || text.IndexOf(':', StringComparison.Ordinal) == colon) && ushort.TryParse(text[(colon + 1)..], NumberStyles.None, CultureInfo.InvariantCulture, out var port) && port > 0;

    /// <returns>Null where the text is no address and port.</returns>
    public static IPEndPoint? Endpoint(string text) => IPEndPoint.TryParse(text, out var endpoint) && text.Contains(':', StringComparison.Ordinal) ? endpoint : null;

    private static bool TrySet(object section, PropertyInfo property, string text)
    {
        try
        {
            var value = TypeDescriptor.GetConverter(property.PropertyType).ConvertFromInvariantString(text);
            property.SetValue(section, value);
            return true;
        }
        catch (Exception malformed) when (malformed is FormatException or ArgumentException or NotSupportedException or OverflowException)
        {
            return false;
        }
    }

    private static string Wanted(Type type) =>
        type == typeof(bool) ? "true or false" : type == typeof(TimeSpan) ? "a time, as in 00:00:30" : type == typeof(string) ? "a text" : "a number";

    private static string Text(object? value) => Convert.ToString(value, CultureInfo.InvariantCulture) ?? "";

    private static string Shown(string key, string value) => _secrets.Contains(key, StringComparer.OrdinalIgnoreCase) && value.Length > 0 ? "***" : value;

    private sealed record Layer(string Name, IReadOnlyDictionary<string, string> Values);
}

/// <param name="Origin">Where the value comes from.</param>
internal sealed record EffectiveOption(string Key, string Value, string Origin, string? Description)
{
    public const string Default = "default";
}
