using System.Reflection;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using ToNNO.Contracts;
using ToNNO.Coordinator.Auditing;
using ToNNO.Imaging.Nifti;
using ToNNO.Storage;

namespace ToNNO.Tonno.Exporting;

/// <summary>Copies heatmaps and masks into a BIDS derivative dataset.</summary>
/// <param name="names">Of all volumes that may come.</param>
internal sealed class BidsExport(IBlobStore store, ExportFolder folder, IReadOnlyDictionary<VolumeId, BidsName> names) : IVolumeExport
{
    private const string Description = "dataset_description.json";
    private const string Ignored = ".bidsignore";
    private const string Heatmap = "heatmap";
    private const string Mask = "mask";

    /// <summary>Writes what makes the folder a dataset, unless it is one already.</summary>
    /// <exception cref="ExportException"><c>result.name_taken</c>: it is another's; <c>export.unwritable</c>.</exception>
    public async Task DescribeAsync()
    {
        var version = Assembly.GetExecutingAssembly().GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion;
        var description = new JsonObject
        {
            ["Name"] = "ToNNO heatmaps",
            ["BIDSVersion"] = "1.10.0",
            ["DatasetType"] = "derivative",
            ["GeneratedBy"] = new JsonArray(new JsonObject { ["Name"] = "ToNNO", ["Version"] = version }),
        };
        folder.RequireFree(Description, "the dataset", IsOurs);
        await folder.WriteAsync(Description, Text(description.ToJsonString(Documents.Json))).ConfigureAwait(false);
        await folder.WriteAsync(Ignored, Text($"*_{Heatmap}.*")).ConfigureAwait(false); // a suffix that the standard does not have
    }

    public async Task<ExportLine> ExportAsync(RunVolume volume, VolumeResult result, CancellationToken cancel)
    {
        var (id, name, files, changed) = (result.VolumeId, names[result.VolumeId], new List<string>(), false);
        foreach (var (heatmap, label) in result.Heatmaps.Zip(BidsName.LabelsOf([.. result.Heatmaps.Select(heatmap => heatmap.Class)])))
        {
            var mask = Mask + heatmap.File[Math.Min(Heatmap.Length, heatmap.File.Length)..];
            await CopyAsync(heatmap.File, name.File(label, $"{Heatmap}.nii.gz"), new JsonObject
            {
                ["Description"] = $"Heatmap of {heatmap.Class}: higher where the encoder's answers point to.",
                ["Units"] = "arbitrary",
            }).ConfigureAwait(false);
            if (result.Files.ContainsKey(mask))
            {
                await CopyAsync(mask, name.File(label, $"{Mask}.nii.gz"), new JsonObject
                {
                    ["Description"] = $"Where the heatmap of {heatmap.Class} reaches its threshold.",
                    ["Type"] = "Lesion",
                    ["Threshold"] = heatmap.Threshold,
                }).ConfigureAwait(false);
            }
        }

        return new(id, changed ? ExportState.Exported : ExportState.Unchanged, files);

        async Task CopyAsync(string source, string target, JsonObject sidecar)
        {
            files.Add(target);
            if (await IsThereAsync(target, result.Files.GetValueOrDefault(source)?.Sha256, cancel).ConfigureAwait(false))
            {
                return;
            }

            folder.RequireFree(target, id.Value, NiftiWriter.Wrote);
            (sidecar["ModelSha256"], sidecar["SourceSha256"], sidecar["WorkKey"]) = (result.Settings.ModelSha256, result.Input.Sha256, result.WorkKey);
            await folder.WriteAsync(target.Replace(".nii.gz", ".json", StringComparison.Ordinal), Text(sidecar.ToJsonString(Documents.Json))).ConfigureAwait(false);
            await folder.WriteAsync(target, stream => VerifiedReading.ReadAsync(
                store,
                result,
                source,
                (published, _) =>
                {
                    published.CopyTo(stream);
                    return true;
                },
                cancel)).ConfigureAwait(false);
            changed = true;
        }
    }

    private static Func<Stream, Task> Text(string text) => stream => stream.WriteAsync(System.Text.Encoding.UTF8.GetBytes(text + "\n")).AsTask();

    private static bool IsOurs(string file)
    {
        try
        {
            return JsonNode.Parse(File.ReadAllBytes(file))?["GeneratedBy"]?[0]?["Name"]?.GetValue<string>() == "ToNNO";
        }
        catch (Exception other) when (other is System.Text.Json.JsonException or InvalidOperationException or ArgumentOutOfRangeException or IOException)
        {
            return false;
        }
    }

    private async Task<bool> IsThereAsync(string target, string? sha256, CancellationToken cancel)
    {
        var file = folder.PathOf(target);
        if (!File.Exists(file))
        {
            return false;
        }

        var stream = File.OpenRead(file);
        await using (stream.ConfigureAwait(false))
        {
            return Convert.ToHexStringLower(await SHA256.HashDataAsync(stream, cancel).ConfigureAwait(false)) == sha256;
        }
    }
}
