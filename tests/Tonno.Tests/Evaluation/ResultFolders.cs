using System.Security.Cryptography;
using ToNNO.Contracts;
using ToNNO.Tests.Support;
using ToNNO.Tomography.Filtering;
using ToNNO.Tomography.Geometry;
using ToNNO.Tomography.Sampling;

namespace ToNNO.Tonno.Tests.Evaluation;

/// <summary>Folders as runs leave them, with heatmaps of the test's making, and the masks and the sheet that belong to them.</summary>
internal sealed class ResultFolders : IDisposable
{
    public static readonly VolumeShape Shape = new(6, 5, 4);

    private readonly TemporaryFolder _folder = new();

    public string this[string path] => _folder[path];

    public void Dispose() => _folder.Dispose();

    /// <summary>A heatmap that is 1 in voxel 0, 2 in voxel 1 and so on up to a count, and 0 elsewhere.</summary>
    public static float[] Ramp(int count, float scale = 1) => [.. Enumerable.Range(0, (int)Shape.VoxelCount).Select(at => at < count ? scale * (at + 1) : 0)];

    /// <summary>1 in the voxels of a range, 0 elsewhere.</summary>
    public static float[] Range(int first, int end) => [.. Enumerable.Range(0, (int)Shape.VoxelCount).Select(at => at >= first && at < end ? 1f : 0f)];

    public void Result(string store, string id, float[] heatmap, string? fileName = null, params string[] classes)
    {
        classes = classes.Length == 0 ? ["lesion"] : classes;
        var files = new Dictionary<string, VolumeResult.FileFacts>();
        foreach (var name in classes.Select(FileOf))
        {
            var bytes = Nifti(heatmap);
            Write($"{store}/{id}/{name}", bytes);
            files[name] = new(Convert.ToHexStringLower(SHA256.HashData(bytes)), bytes.Length);
        }

        Write($"{store}/{id}/{VolumeResult.FileName}", Documents.ToBytes(new VolumeResult
        {
            VolumeId = new VolumeId(id),
            RunId = new RunId("run"),
            WorkKey = "key",
            Input = new([fileName ?? $"{id}.nii"], "", Shape, []),
            Settings = new()
            {
                Model = "builtin:sum",
                ModelSha256 = "",
                Set = DirectionSetKind.Rings,
                Directions = 1,
                Alpha = 2,
                Window = FilterWindow.None,
                Intensities = [],
            },
            Sampling = new(1, 1, 1, 1, 1, default),
            Slices = new(1, 1, 0, 1),
            Seconds = new(0, 0, 0, 0, 0, 0),
            Heatmaps = [.. classes.Select(name => new VolumeResult.HeatmapFacts(name, FileOf(name), 0, 1, 0, default, default, 0))],
            Software = new("", "", "", ""),
            Warnings = [],
            Files = files,
        }));
        string FileOf(string name) => classes.Length == 1 ? "heatmap.nii" : $"heatmap-{name}.nii";
    }

    /// <param name="shift">Millimetres that the grid is moved along x.</param>
    public void Mask(string name, float[] mask, double shift = 0, VolumeShape? shape = null) =>
        Write(name, Nifti(mask, shift, shape ?? Shape));

    public string Sheet(params string[] lines)
    {
        Write("references.csv", System.Text.Encoding.UTF8.GetBytes(string.Join('\n', lines)));
        return _folder["references.csv"];
    }

    private static byte[] Nifti(float[] values, double shift = 0, VolumeShape? shape = null) => new NiftiBytes
    {
        Shape = shape ?? Shape,
        Affine = AffineTransform.Scaling(2, 2, 2) with { Origin = new(shift, 0, 0) },
        Intensity = (i, j, k) => values[i + (Shape.I * (j + (Shape.J * k)))],
    }.Plain();

    private void Write(string name, byte[] content)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(_folder[name])!);
        File.WriteAllBytes(_folder[name], content);
    }
}
