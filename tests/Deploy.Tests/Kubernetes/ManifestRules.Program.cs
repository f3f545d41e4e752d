using k8s.Models;
using ToNNO.Tonno.Nodes;

namespace ToNNO.Deploy.Tests.Kubernetes;

/// <content>Rules between objects and the program that they run.</content>
internal static partial class ManifestRules
{
    private static readonly string[] _secretWords = ["TOKEN", "SECRET", "PASSWORD", "CONNECTION_STRING", "ACCOUNTS", "_KEY"];

    /// <summary>Each workload runs a node of the role that it is named for, and every role has one.</summary>
    public static IEnumerable<string> Roles(Manifests manifests)
    {
        foreach (var node in manifests.Nodes)
        {
            if (node.Container(Workload.Program) is not { Command: null, Args: ["node"] })
            {
                yield return $"{node.Name} runs no node";
            }

            if (!NodeEnvironment.Of(manifests, node).Options.RoleList.SequenceEqual([node.Name]))
            {
                yield return $"{node.Name} is not of the role {node.Name} alone";
            }
        }

        foreach (var role in RoleNames.All.Except(manifests.Nodes.Select(node => node.Name)))
        {
            yield return $"nobody has the role {role}";
        }
    }

    /// <summary>Whom Azure knows by an identity alone says so by its label, and its account by its annotation.</summary>
    public static IEnumerable<string> Identities(Manifests manifests) => manifests.Nodes
        .Where(node => AsksAzure(NodeEnvironment.Of(manifests, node)) && !(node.HasLabels(new Dictionary<string, string> { ["azure.workload.identity/use"] = "true" })
            && IsKnownToAzure(manifests, node)))
        .Select(node => $"{node.Name} comes to the store as nobody");

    /// <summary>Every variable is an option, with a value that it takes; ports are those that the options say.</summary>
    public static IEnumerable<string> Environment(Manifests manifests)
    {
        foreach (var node in manifests.Nodes)
        {
            var environment = NodeEnvironment.Of(manifests, node);
            var options = environment.Configuration.Effective.Select(option => option.Key).ToHashSet(StringComparer.OrdinalIgnoreCase);
            foreach (var name in environment.Variables.Keys.Where(name => name.StartsWith(NodeConfiguration.EnvironmentPrefix, StringComparison.Ordinal)
                && !NodeConfiguration.OfPacs.Contains(name)
                && !options.Contains(name[NodeConfiguration.EnvironmentPrefix.Length..].Replace("__", ":", StringComparison.Ordinal))))
            {
                yield return $"{node.Name}: {name} is no option";
            }

            foreach (var fault in environment.Faults())
            {
                yield return $"{node.Name}: {fault}";
            }

            int? Port(string name) => node.Container(Workload.Program)!.Ports.SingleOrDefault(port => port.Name == name)?.ContainerPort;
            if (Port("http") != NodeConfiguration.Endpoint(environment.Options.Http.Listen)?.Port || Port("remoting") != environment.Options.Cluster.Port)
            {
                yield return $"{node.Name} listens on other ports than it says";
            }

            foreach (var file in new[] { environment.Options.Cluster.Tls.Certificate, environment.Options.Cluster.Tls.Key, environment.Options.Cluster.Tls.Authority }
                .Where(file => file.Length > 0 && !node.Container(Workload.Program)!.VolumeMounts.SelectMany(mount => Files(manifests, node, mount.Name).Select(name => $"{mount.MountPath}/{name}")).Contains(file)))
            {
                yield return $"{node.Name}: {file} lies in no volume";
            }
        }
    }

    /// <summary>The seeds are the coordinators, by names that stand before they are ready, and each node calls itself by its own.</summary>
    public static IEnumerable<string> Seeds(Manifests manifests)
    {
        var coordinators = manifests.One<V1StatefulSet>("coordinator");
        var service = manifests.All<V1Service>().Single(service => service.Metadata.Name == coordinators.Spec.ServiceName);
        if (service.Spec is not { ClusterIP: "None", PublishNotReadyAddresses: true })
        {
            yield return "coordinators have no names before they are ready";
        }

        foreach (var node in manifests.Nodes)
        {
            var cluster = NodeEnvironment.Of(manifests, node).Options.Cluster;
            var names = Enumerable.Range(0, coordinators.Spec.Replicas ?? 1).Select(at => $"{coordinators.Metadata.Name}-{at}.{coordinators.Spec.ServiceName}:{cluster.Port}");
            if (!cluster.SeedList.SequenceEqual(names))
            {
                yield return $"{node.Name} joins by {cluster.Seeds}, which are not the coordinators";
            }

            var set = manifests.All<V1StatefulSet>().SingleOrDefault(set => set.Metadata.Name == node.Name);
            if (cluster.Host != (set is null ? "10.0.0.1" : $"{node.Name}-0.{set.Spec.ServiceName}"))
            {
                yield return $"{node.Name} calls itself {cluster.Host}";
            }
        }
    }

    /// <summary>Of this version, and of the kind that the role needs.</summary>
    public static IEnumerable<string> Images(Manifests manifests)
    {
        var version = typeof(NodeHost).Assembly.GetName().Version!.ToString(3);
        foreach (var (workload, container) in Containers(manifests))
        {
            var name = container.Image.Split('/')[^1].Split(':');
            if (name.Length < 2 || name[1] == "latest")
            {
                yield return $"{workload.Name}: {container.Image} may be anything";
            }
            else if (container.Name == Workload.Program && (name[0] != (workload.Name == "slice" ? "tonno-slice" : "tonno-slim") || name[1] != version))
            {
                yield return $"{workload.Name}: {container.Image} is not the image of its role, or not of version {version}";
            }
        }
    }

    public static IEnumerable<string> Secrets(Manifests manifests)
    {
        foreach (var secret in manifests.All<V1Secret>())
        {
            yield return $"the secret {secret.Metadata.Name} stands in a file";
        }

        var plain = Containers(manifests).SelectMany(one => (one.Container.Env ?? []).Where(variable => variable.ValueFrom is null).Select(variable => (variable.Name, variable.Value)))
            .Concat(manifests.All<V1ConfigMap>().SelectMany(map => map.Data.Select(pair => (Name: pair.Key, pair.Value))));
        foreach (var (name, value) in plain.Where(one => _secretWords.Any(word => one.Name.Contains(word, StringComparison.Ordinal)) && !one.Value.StartsWith('/')))
        {
            yield return $"{name} stands in a file";
        }
    }

    private static bool IsKnownToAzure(Manifests manifests, Workload node) => manifests.All<V1ServiceAccount>()
        .Any(account => account.Metadata.Name == node.Pod.ServiceAccountName && account.Metadata.Annotations?.ContainsKey("azure.workload.identity/client-id") == true);

    /// <summary>A store that no connection string names is Azure's own, which asks for an identity.</summary>
    private static bool AsksAzure(NodeEnvironment node) => node.Options.Store.StartsWith("azure://", StringComparison.Ordinal) && !node.Variables.ContainsKey("AZURE_STORAGE_CONNECTION_STRING");
}
