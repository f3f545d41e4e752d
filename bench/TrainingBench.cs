using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using ToNNO.Imaging.Nifti;
using ToNNO.Tomography.Geometry;
using ToNNO.Tonno.Demo;
using ToNNO.Tonno.Training;

namespace ToNNO.Bench;

/// <summary><c>tonno train</c> with its defaults, on crops of real PET volumes: how long it takes, and how well it validates.</summary>
internal static class TrainingBench
{
    private const int Patients = 30;

    /// <param name="arguments">Seeds, each another split; 0, 1 and 2 where none is given.</param>
    public static object Measure(string[] arguments)
    {
        using var folder = new BenchFolder();
        var labels = WriteCrops(Path.Combine(Environment.GetEnvironmentVariable("TONNO_HOME")!, "..", "shared", "data", "ibsi-sts"), folder);
        var rows = new List<object>();
        foreach (var seed in arguments.Length == 0 ? [0, 1, 2] : Array.ConvertAll(arguments, text => int.Parse(text, CultureInfo.InvariantCulture)))
        {
            var begun = (Stopwatch.GetTimestamp(), Environment.CpuUsage.TotalTime);
            var trained = TrainingJob.Prepare(new TrainingRequest { Labels = labels, Model = folder.New(), Seed = seed, Device = "cpu" }).Run((_, _) => { }, CancellationToken.None);
            rows.Add(new
            {
                seed,
                seconds = Stopwatch.GetElapsedTime(begun.Item1).TotalSeconds,
                processor_seconds = (Environment.CpuUsage.TotalTime - begun.TotalTime).TotalSeconds,
                trained.Auc,
                trained.Loss,
                trained.Step,
                trained.Steps,
            });
            Console.Error.WriteLine(JsonSerializer.Serialize(rows[^1]));
        }

        return new { patients = Patients, rows };
    }

    /// <summary>Of each patient the slices that <c>slabs.csv</c> names with tumour, and those that it names without.</summary>
    /// <returns>The path of the labels.</returns>
    private static string WriteCrops(string data, BenchFolder folder)
    {
        var labels = new List<string> { "file,label,patient" };
        var slabs = File.ReadLines(Path.Combine(data, "slabs.csv")).Skip(1).Select(line => line.Split(',')).Where(fields => fields[1] == "PET" && fields[5].Length > 0);
        foreach (var fields in slabs.Take(Patients))
        {
            var image = NiftiReader.Read(Path.Combine(data, "nifti", fields[0], "PET_image.nii.gz"), long.MaxValue);
            foreach (var (label, first) in new[] { ("yes", 2), ("no", 5) })
            {
                var (start, end) = (int.Parse(fields[first], CultureInfo.InvariantCulture), int.Parse(fields[first + 1], CultureInfo.InvariantCulture));
                var shape = image.Header.Shape with { K = end - start };
                using var file = File.Create(folder[$"{fields[0]}_{label}.nii"]);
                using var writer = NiftiWriter.ForHeatmap(file, image.Header.Crop(0, 0, start, shape), 0, 0, "ToNNO training crop");
                writer.Append(new CropBox(new VoxelIndex(0, 0, start), shape).Cut<float>(image.Volume.Samples.AsFloats(), image.Header.Shape));
                writer.Complete();
                labels.Add($"{fields[0]}_{label}.nii,{label},{fields[0]}");
            }
        }

        File.WriteAllLines(folder["labels.csv"], labels);
        return folder["labels.csv"];
    }
}
