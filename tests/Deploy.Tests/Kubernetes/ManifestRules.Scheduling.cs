using k8s.Models;
using ToNNO.Coordinator;
using ToNNO.ReconActors;
using ToNNO.SliceActors;

namespace ToNNO.Deploy.Tests.Kubernetes;

/// <content>Rules about where pods go, and who gives way.</content>
internal static partial class ManifestRules
{
    private const string Gpu = "nvidia.com/gpu", AksAccelerator = "kubernetes.azure.com/accelerator", AksPriority = "kubernetes.azure.com/scalesetpriority";

    /// <summary>Coordinators go before reducers, and those before encoders.</summary>
    public static IEnumerable<string> Priorities(Manifests manifests)
    {
        int? Priority(string role) => manifests.Nodes.Where(node => node.Name == role)
            .Select(node => manifests.All<V1PriorityClass>().SingleOrDefault(one => one.Metadata.Name == node.Pod.PriorityClassName)?.Value).SingleOrDefault();
        string[] roles = [CoordinatorHosting.Role, ReconHosting.Role, SliceHosting.Role];
        return roles.Zip(roles.Skip(1)).Where(pair => !(Priority(pair.First) > Priority(pair.Second))).Select(pair => $"{pair.Second} does not give way to {pair.First}");
    }

    /// <summary>Who encodes on a GPU asks for one and goes where they are, and nobody else does; whoever chooses spot bears its taint.</summary>
    public static IEnumerable<string> Gpus(Manifests manifests)
    {
        foreach (var node in manifests.Nodes)
        {
            var options = NodeEnvironment.Of(manifests, node).Options;
            var encodes = options.RoleList.Contains(SliceHosting.Role);
            var wanted = encodes && options.Slice.Device.StartsWith("cuda", StringComparison.Ordinal);
            var asked = node.Container(Workload.Program)!.Resources.Limits.TryGetValue(Gpu, out var count) && count.ToDecimal() >= 1;
            if (asked != wanted || Tolerates(node, Gpu, "present") != wanted)
            {
                yield return $"{node.Name} asks for a GPU that it does not use, or goes without one, or not where they are";
            }

            // AKS's own names; docs/operations.md names the taint of its pools.
            var selected = node.Pod.NodeSelector ?? new Dictionary<string, string>();
            if (wanted && IsKnownToAzure(manifests, node) && !(selected.Contains(KeyValuePair.Create(AksAccelerator, "nvidia")) && Tolerates(node, "sku", "gpu")))
            {
                yield return $"{node.Name} does not go to the pool of GPUs";
            }

            var spot = selected.Contains(KeyValuePair.Create(AksPriority, "spot"));
            if (spot != Tolerates(node, AksPriority, "spot") || (spot && !encodes))
            {
                yield return $"{node.Name} goes to spot without bearing its taint, or bears it without going there, or belongs on machines that stay";
            }
        }
    }

    /// <summary>Of a taint that keeps pods from being placed.</summary>
    private static bool Tolerates(Workload workload, string key, string value) => (workload.Pod.Tolerations ?? []).Any(toleration =>
        toleration.Effect is null or "NoSchedule" && (toleration.Key ?? key) == key && (toleration.OperatorProperty == "Exists" || toleration.Value == value));
}
