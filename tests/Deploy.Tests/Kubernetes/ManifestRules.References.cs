using k8s.Models;

namespace ToNNO.Deploy.Tests.Kubernetes;

/// <content>Rules about what objects name.</content>
internal static partial class ManifestRules
{
    /// <summary>What whoever applies an overlay brings, and the keys that it has; docs/operations.md says how.</summary>
    public static readonly IReadOnlyDictionary<string, string[]> Brought = new Dictionary<string, string[]>
    {
        ["Secret/tonno-api"] = ["token"],
        ["Secret/azurite"] = ["accounts", "connection-string"],
        ["Secret/dicomweb"] = ["users.json", "basic"],
        ["PersistentVolumeClaim/archive"] = [],
        ["PersistentVolumeClaim/models"] = [],
    };

    /// <summary>What cert-manager writes.</summary>
    private static readonly string[] _certificateKeys = ["tls.crt", "tls.key", "ca.crt"];

    /// <summary>Whatever is named is there, or is brought.</summary>
    public static IEnumerable<string> References(Manifests manifests)
    {
        var made = manifests.All<Certificate>().Select(certificate => $"Secret/{certificate.Spec.SecretName}").ToList();
        IEnumerable<(string By, string Kind, string Name)> named = manifests.Workloads.SelectMany(workload => Named(workload).Where(reference => reference.Name is not null).Select(reference => (By: workload.Name, reference.Kind, Name: reference.Name!)))
            .Concat(manifests.All<ScaledObject>().Select(scaler => (scaler.Metadata.Name, "Deployment", scaler.Spec.ScaleTargetRef.Name)))
            .Concat(manifests.All<V2HorizontalPodAutoscaler>().Select(scaler => (scaler.Metadata.Name, scaler.Spec.ScaleTargetRef.Kind, scaler.Spec.ScaleTargetRef.Name)))
            .Concat(manifests.All<Certificate>().Select(certificate => (certificate.Metadata.Name, certificate.Spec.IssuerRef.Kind, certificate.Spec.IssuerRef.Name)))
            .Concat(manifests.All<Issuer>().Where(issuer => issuer.Spec.Ca is not null).Select(issuer => (issuer.Metadata.Name, "Secret", issuer.Spec.Ca!.SecretName)))
            .Concat(manifests.All<V1PersistentVolumeClaim>().Where(claim => claim.Spec.VolumeName is not null).Select(claim => (claim.Metadata.Name, "PersistentVolume", claim.Spec.VolumeName)));
        foreach (var (by, kind, name) in named.Where(one => !manifests.Has(one.Kind, one.Name) && !made.Contains($"{one.Kind}/{one.Name}") && !Brought.ContainsKey($"{one.Kind}/{one.Name}")))
        {
            yield return $"{by} names the {kind} {name}, which nobody makes";
        }

        foreach (var workload in manifests.Workloads)
        {
            var claims = manifests.All<V1StatefulSet>().Where(set => set.Metadata.Name == workload.Name).SelectMany(set => set.Spec.VolumeClaimTemplates ?? []).Select(claim => claim.Metadata.Name);
            var volumes = (workload.Pod.Volumes ?? []).Select(volume => volume.Name).Concat(claims).ToHashSet();
            foreach (var mount in workload.Containers.SelectMany(container => container.VolumeMounts ?? []).Where(mount => !volumes.Contains(mount.Name)))
            {
                yield return $"{workload.Name} mounts {mount.Name}, which it has not";
            }
        }
    }

    /// <summary>Keys that are asked for are those that there are.</summary>
    public static IEnumerable<string> Keys(Manifests manifests)
    {
        foreach (var workload in manifests.Workloads)
        {
            foreach (var (kind, name, key) in Named(workload).Where(reference => reference is { Name: not null, Key: not null } && !KeysOf(manifests, reference.Kind, reference.Name).Contains(reference.Key)))
            {
                yield return $"{workload.Name} asks the {kind} {name} for {key}, which it has not";
            }

            foreach (var mount in workload.Containers.SelectMany(container => container.VolumeMounts ?? []).Where(mount => mount.SubPath is not null && !Files(manifests, workload, mount.Name).Contains(mount.SubPath)))
            {
                yield return $"{workload.Name} mounts {mount.SubPath} of {mount.Name}, which is not there";
            }
        }
    }

    private static string[] KeysOf(Manifests manifests, string kind, string name) => kind == "ConfigMap"
        ? [.. manifests.All<V1ConfigMap>().Where(map => map.Metadata.Name == name).SelectMany(map => map.Data.Keys)]
        : manifests.All<Certificate>().Any(certificate => certificate.Spec.SecretName == name) ? _certificateKeys : Brought.GetValueOrDefault($"{kind}/{name}", []);

    /// <summary>What lies in a volume that is of a ConfigMap or a secret.</summary>
    private static IEnumerable<string> Files(Manifests manifests, Workload workload, string name) => workload.Pod.Volumes?.SingleOrDefault(volume => volume.Name == name) switch
    {
        { Secret: { } secret } => secret.Items?.Select(item => item.Path) ?? KeysOf(manifests, "Secret", secret.SecretName),
        { ConfigMap: { } map } => map.Items?.Select(item => item.Path) ?? KeysOf(manifests, "ConfigMap", map.Name),
        _ => [],
    };

    /// <summary>Names are null where there is no such reference, keys where it is to the whole.</summary>
    private static IEnumerable<(string Kind, string? Name, string? Key)> Named(Workload workload)
    {
        yield return ("PriorityClass", workload.Pod.PriorityClassName, null);
        yield return ("ServiceAccount", workload.Pod.ServiceAccountName, null);
        foreach (var volume in workload.Pod.Volumes ?? [])
        {
            yield return ("ConfigMap", volume.ConfigMap?.Name, null);
            yield return ("Secret", volume.Secret?.SecretName, null);
            yield return ("PersistentVolumeClaim", volume.PersistentVolumeClaim?.ClaimName, null);
            foreach (var item in (volume.ConfigMap?.Items ?? []).Concat(volume.Secret?.Items ?? []))
            {
                yield return (volume.Secret is null ? "ConfigMap" : "Secret", volume.Secret?.SecretName ?? volume.ConfigMap?.Name, item.Key);
            }
        }

        foreach (var container in workload.Containers)
        {
            foreach (var source in container.EnvFrom ?? [])
            {
                yield return ("ConfigMap", source.ConfigMapRef?.Name, null);
                yield return ("Secret", source.SecretRef?.Name, null);
            }

            foreach (var variable in container.Env ?? [])
            {
                yield return ("ConfigMap", variable.ValueFrom?.ConfigMapKeyRef?.Name, variable.ValueFrom?.ConfigMapKeyRef?.Key);
                yield return ("Secret", variable.ValueFrom?.SecretKeyRef?.Name, variable.ValueFrom?.SecretKeyRef?.Key);
            }
        }
    }
}
