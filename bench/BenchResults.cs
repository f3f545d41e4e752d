using System.Security.Cryptography;
using ToNNO.Contracts;
using ToNNO.Storage;

namespace ToNNO.Bench;

/// <summary>Results as they lie in a store.</summary>
internal static class BenchResults
{
    private const string Heatmap = "heatmap.nii.gz";

    /// <summary>A volume's result; null where there is none that can be read.</summary>
    public static async Task<VolumeResult?> FindAsync(IBlobStore store, string volume)
    {
        try
        {
            return Documents.TryParse<VolumeResult>((await store.ReadAsync(VolumeResult.PathOf(new(volume)), CancellationToken.None)).Bytes.Span);
        }
        catch (BlobStoreException none) when (none.Error == BlobStoreError.NotFound)
        {
            return null;
        }
    }

    /// <summary>SHA-256 of a volume's heatmap as it lies there; empty where there is none.</summary>
    public static async Task<string> HeatmapHashAsync(IBlobStore store, string volume)
    {
        try
        {
            await using var stream = await store.OpenReadAsync(VolumeResult.FolderOf(new(volume)) + Heatmap, CancellationToken.None);
            return Convert.ToHexStringLower(await SHA256.HashDataAsync(stream));
        }
        catch (BlobStoreException none) when (none.Error == BlobStoreError.NotFound)
        {
            return "";
        }
    }
}
