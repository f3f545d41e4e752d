using ToNNO.Imaging;
using ToNNO.Imaging.Nifti;
using ToNNO.Tonno.Commands;

namespace ToNNO.Tonno.Demo;

/// <summary>The volumes in <c>samples/pet</c>: which of them are learned from, and which are kept for the test.</summary>
internal sealed class SampleCases(string folder)
{
    /// <summary>Names the repository, or the folder that samples were installed in, where the program does not lie below it.</summary>
    public const string HomeVariable = "TONNO_HOME";

    private const long MemoryLimitBytes = 256L << 20;

    /// <summary>The first eight in order of their ids.</summary>
    public static IReadOnlyList<string> TrainingIds { get; } =
        ["STS_002", "STS_003", "STS_008", "STS_010", "STS_012", "STS_015", "STS_018", "STS_019"];

    /// <summary>The other four: other patients, never seen before they are scored.</summary>
    public static IReadOnlyList<string> TestIds { get; } = ["STS_023", "STS_024", "STS_025", "STS_028"];

    /// <summary>Crops of the training volumes, each with yes or no: all that training knows of where tumours are.</summary>
    public string CropsPath => Path.Combine(folder, "crops.csv");

    /// <summary>Finds the samples in <see cref="HomeVariable"/>, else in the program's folder or one above it.</summary>
    /// <exception cref="CommandException">They are nowhere.</exception>
    public static SampleCases Locate()
    {
        var home = Environment.GetEnvironmentVariable(HomeVariable);
        for (var at = new DirectoryInfo(home is { Length: > 0 } ? home : AppContext.BaseDirectory); at is not null; at = at.Parent)
        {
            var samples = new SampleCases(Path.Combine(at.FullName, "samples", "pet"));
            if (File.Exists(samples.CropsPath))
            {
                return samples;
            }
        }

        throw new CommandException(
            ExitCodes.NothingDone,
            "demo.samples_missing",
            $"The folder samples/pet was not found in or above {home ?? AppContext.BaseDirectory}: run the demo from a checkout, or name the checkout in {HomeVariable}.");
    }

    public NiftiVolume Image(string id) => Read("images", id);

    /// <summary>A case's reference, one byte per voxel, 0 outside.</summary>
    public byte[] Mask(string id, NiftiHeader image)
    {
        var mask = Read("masks", id);
        mask.Header.RequireSameGrid(image, $"The mask of {id}");
        return Array.ConvertAll(mask.Volume.Samples.AsFloats(), value => value > 0 ? (byte)1 : (byte)0);
    }

    private NiftiVolume Read(string kind, string id)
    {
        try
        {
            var nifti = NiftiReader.Read(Path.Combine(folder, kind, $"{id}.nii.gz"), MemoryLimitBytes);
            nifti.RequireFinite(id);
            return nifti;
        }
        catch (ImagingException damaged)
        {
            throw new CommandException(
                ExitCodes.NothingDone, "demo.samples_damaged", $"The sample {kind}/{id}.nii.gz cannot be read, restore it from the repository: {damaged.Message}");
        }
    }
}
