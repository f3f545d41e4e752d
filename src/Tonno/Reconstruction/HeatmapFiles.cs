using ToNNO.Contracts;
using ToNNO.Imaging.Nifti;
using ToNNO.Tomography.Geometry;
using ToNNO.Tonno.Commands;

namespace ToNNO.Tonno.Reconstruction;

/// <summary>Where a heatmap goes: a NIfTI file, and its mask beside it.</summary>
/// <param name="Heatmap">Ends in <c>.nii</c> or <c>.nii.gz</c>.</param>
internal sealed record HeatmapFiles(string Heatmap)
{
    private const string Plain = ".nii";
    private const string Gzip = ".nii.gz";

    /// <summary>The heatmap's name with <c>.mask</c> before its extension.</summary>
    public string Mask => Heatmap[..^Extension.Length] + ".mask" + Extension;

    private string Extension => IsCompressed ? Gzip : Plain;

    private bool IsCompressed => Heatmap.EndsWith(Gzip, StringComparison.OrdinalIgnoreCase);

    /// <summary>Checks a name before any work is done for it.</summary>
    /// <param name="input">The file that is read.</param>
    /// <exception cref="CommandException">It is no name of a NIfTI file, or the file must not be written.</exception>
    public static HeatmapFiles At(string output, string input)
    {
        var files = new HeatmapFiles(Path.GetFullPath(output));
        if (!files.IsCompressed && !output.EndsWith(Plain, StringComparison.OrdinalIgnoreCase))
        {
            throw new CommandException(ExitCodes.Usage, "output.invalid", $"{output} is no name of a NIfTI file: let it end in .nii.gz or .nii.");
        }

        if (Directory.Exists(files.Heatmap))
        {
            throw new CommandException(ExitCodes.Usage, "output.invalid", $"{output} is a folder: name a file.");
        }

        var (published, read) = (Published(Path.GetDirectoryName(files.Heatmap)!), Target(input));
        foreach (var path in new[] { files.Heatmap, files.Mask })
        {
            if (Target(path) == read)
            {
                throw new CommandException(ExitCodes.Usage, "output.misplaced", $"{output} would be written over the sinogram: choose another name.");
            }

            if (File.Exists(path) && !NiftiWriter.Wrote(path))
            {
                throw new CommandException(ExitCodes.Usage, "output.misplaced", $"{path} is there already and no heatmap of ToNNO's: choose another name, or remove it.");
            }

            if (published.Contains(Path.GetFileName(path)))
            {
                throw new CommandException(ExitCodes.Usage, "output.misplaced", $"{output} is a file of the run's result: choose another name.");
            }
        }

        return files;
    }

    /// <summary>Writes the heatmap, and a mask where a bound is given: both whole before either bears its name. Where none is given, the
    /// mask of a heatmap that was there before goes with it.</summary>
    /// <exception cref="CommandException">They cannot be written; what was there before is untouched.</exception>
    public void Write(NiftiHeader grid, float[] heatmap, float peak, double? bound)
    {
        var mark = $".{Guid.NewGuid():N}.tmp";
        var (heatmapTemporary, maskTemporary) = (Heatmap + mark, Mask + mark);
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(Heatmap)!);
            Write(heatmapTemporary, stream => NiftiWriter.ForHeatmap(stream, grid, 0, peak, compress: IsCompressed), writer => writer.Append(heatmap));
            if (bound is { } value)
            {
                var mask = new byte[heatmap.Length];
                HeatmapMask.Write(heatmap, value, mask);
                Write(maskTemporary, stream => NiftiWriter.ForMask(stream, grid, compress: IsCompressed), writer => writer.Append(mask));
                File.Move(maskTemporary, Mask, overwrite: true);
            }
            else
            {
                File.Delete(Mask);
            }

            File.Move(heatmapTemporary, Heatmap, overwrite: true);
        }
        catch (Exception failed) when (failed is IOException or UnauthorizedAccessException)
        {
            throw new CommandException(ExitCodes.Usage, "output.unwritable", $"{Heatmap} cannot be written: {failed.Message}");
        }
        finally
        {
            foreach (var left in new[] { heatmapTemporary, maskTemporary }.Where(File.Exists))
            {
                File.Delete(left);
            }
        }
    }

    /// <summary>Names of the files that a folder's <c>result.json</c> vouches for, or would.</summary>
    private static IEnumerable<string> Published(string folder)
    {
        var result = Path.Combine(folder, VolumeResult.FileName);
        return !File.Exists(result) ? []
            : Documents.TryParse<VolumeResult>(File.ReadAllBytes(result)) is { } known ? ["mask.nii.gz", .. known.Files.Keys]
            : ["mask.nii.gz", "heatmap.nii.gz"];
    }

    private static void Write(string path, Func<Stream, NiftiWriter> begin, Action<NiftiWriter> append)
    {
        using var file = new FileStream(path, FileMode.CreateNew, FileAccess.Write, FileShare.None);
        using (var writer = begin(file))
        {
            append(writer);
            writer.Complete();
        }

        file.Flush(flushToDisk: true); // before its name says that it is whole
    }

    /// <summary>The file that a path leads to, through links.</summary>
    private static string Target(string path)
    {
        var full = Path.GetFullPath(path);
        return File.Exists(full) ? File.ResolveLinkTarget(full, returnFinalTarget: true)?.FullName ?? full : full;
    }
}
