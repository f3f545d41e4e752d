using ToNNO.Tomography.Backprojection;
using ToNNO.Tomography.Filtering;
using ToNNO.Tomography.Geometry;
using ToNNO.Tomography.Sampling;

namespace ToNNO.Bench;

/// <summary>Backprojection on one core: our C# against our C, kernel by kernel, taken in turns.</summary>
/// <remarks>
/// An update is one voxel and one direction. Every kernel is given the same filtered profiles and adds the same blocks of 16
/// directions to the same 128³ voxels, tables and all; the best of many turns in the thread's own processor time is kept. The
/// kernels "plain" interpolate linearly between the slices themselves, less exactly than the product ever did: they are the
/// floor that BASELINE quotes.
/// </remarks>
internal sealed unsafe class KernelsBenchmark
{
    private const int Edge = 128;
    private const int BlocksOfDirections = 4;
    private const int Turns = 15;

    private readonly VolumeGeometry _geometry = new(new VolumeShape(Edge, Edge, Edge), AffineTransform.Scaling(1, 1, 1, new(-30, 20, 100)));
    private readonly SamplingPlan _plan;
    private readonly float[] _filtered;
    private readonly float[] _plain;
    private readonly int _length;

    private KernelsBenchmark()
    {
        _plan = SamplingPlan.For(_geometry, DirectionSet.Create(DirectionSetKind.Rings, 1024));
        _length = ProfileFilter.FilteredLength(_plan.OffsetCount);
        var random = new Random(1);
        var sinogram = new float[_plan.Directions.Count * _plan.OffsetCount];
        for (var at = 0; at < sinogram.Length; at++)
        {
            sinogram[at] = random.NextSingle();
        }

        _filtered = ProfileFilter.Create(2, FilterWindow.Hann, _plan.SpacingMm, _plan.OffsetCount).ApplyRows(sinogram, 0.5f, _plan.OffsetCount);
        _plain = sinogram;
        for (var d = 0; d < _plan.Directions.Count; d++)
        {
            for (var o = 0; o < _plan.OffsetCount; o++)
            {
                _plain[(d * _plan.OffsetCount) + o] = _filtered[(d * _length) + (o * ProfileFilter.Oversampling)];
            }
        }
    }

    public static object Measure(string[] arguments)
    {
        var turns = arguments is [var asked] ? int.Parse(asked, System.Globalization.CultureInfo.InvariantCulture) : Turns;
        return new KernelsBenchmark().Run(turns);
    }

    private Dictionary<string, object> Run(int turns)
    {
        var kernels = Kernels();
        var heatmaps = kernels.ToDictionary(kernel => kernel.Name, _ => new float[_geometry.Shape.VoxelCount]);
        var best = kernels.ToDictionary(kernel => kernel.Name, _ => double.PositiveInfinity);
        for (var turn = 0; turn < turns; turn++)
        {
            foreach (var (name, voxels, add) in kernels)
            {
                var heatmap = heatmaps[name].AsSpan(0, voxels);
                heatmap.Clear();
                var start = KernelsNative.ThreadSeconds();
                for (var block = 0; block < BlocksOfDirections; block++)
                {
                    add(heatmap, FirstDirection(block));
                }

                best[name] = Math.Min(best[name], (KernelsNative.ThreadSeconds() - start) / voxels);
            }
        }

        var result = new Dictionary<string, object>
        {
            ["benchmark"] = "kernels",
            ["edge"] = Edge,
            ["turns"] = turns,
            ["g_updates_per_second"] = best.ToDictionary(
                kernel => kernel.Key, kernel => Math.Round(Backprojector.BlockSize * BlocksOfDirections / kernel.Value / 1e9, 3)),
        };
        var shipped = best[$"csharp_{Name(Backprojector.Best)}"];
        if (KernelsNative.Present)
        {
            var c = best.Where(kernel => kernel.Key.StartsWith("c_", StringComparison.Ordinal) && !kernel.Key.EndsWith("plain", StringComparison.Ordinal)).Min(kernel => kernel.Value);
            result["shipped_over_best_c"] = Math.Round(c / shipped, 3);
            result["shipped_over_c_permute_plain"] = Math.Round(best["c_permute512_plain"] / shipped, 3);
            result["shipped_over_c_permute_4"] = Math.Round(best["c_permute512_4"] / shipped, 3);
            result["shipped_over_c_gather_4"] = Math.Round(Math.Min(best["c_gather512_4"], best["c_gather256_4"]) / shipped, 3);
            var (ours, theirs) = (heatmaps[$"csharp_{Name(Backprojector.Best)}"], heatmaps["c_knots512"]);
            result["largest_difference_of_c_over_peak"] = ours.Zip(theirs, (a, b) => Math.Abs(a - b)).Max() / ours.Max(Math.Abs);
        }

        return result;
    }

    /// <summary>Blocks spread over the half sphere.</summary>
    private int FirstDirection(int block) => _plan.Directions.Count / BlocksOfDirections / Backprojector.BlockSize * block * Backprojector.BlockSize;

    private static string Name(Instructions instructions) => instructions.ToString().ToLowerInvariant();

    private List<(string Name, int Voxels, Add Add)> Kernels()
    {
        const int All = Edge * Edge * Edge;
        var kernels = new List<(string, int, Add)>();
        foreach (var instructions in new[] { Instructions.Scalar, Instructions.Avx2, Instructions.Avx512 })
        {
            if (instructions <= Backprojector.Best)
            {
                // The scalar kernel is slow enough on an eighth of the volume.
                kernels.Add(($"csharp_{Name(instructions)}", instructions == Instructions.Scalar ? All / 8 : All, (heatmap, first) =>
                    Backprojector.Accumulate(
                        heatmap, _geometry, 0, _plan, first, _filtered.AsSpan(first * _length, Backprojector.BlockSize * _length), instructions)));
            }
        }

        if (KernelsNative.Present)
        {
            kernels.Add(("c_knots512", All, Native(&Knots512, ProfileFilter.Oversampling)));
            kernels.Add(("c_knots256", All, Native(&Knots256, ProfileFilter.Oversampling)));
            kernels.Add(("c_permute512_4", All, Native(&Permute512, ProfileFilter.Oversampling)));
            kernels.Add(("c_gather512_4", All / 4, Native(&Gather512, ProfileFilter.Oversampling)));
            kernels.Add(("c_gather256_4", All / 4, Native(&Gather256, ProfileFilter.Oversampling)));
            kernels.Add(("c_permute512_plain", All, Native(&Permute512, 1)));
            kernels.Add(("c_gather512_plain", All / 4, Native(&Gather512, 1)));
            kernels.Add(("c_gather256_plain", All / 4, Native(&Gather256, 1)));
        }

        return kernels;
    }

    private static void Knots512(KernelsNative.Problem* problem) => KernelsNative.Knots512(problem);

    private static void Knots256(KernelsNative.Problem* problem) => KernelsNative.Knots256(problem);

    private static void Permute512(KernelsNative.Problem* problem) => KernelsNative.Permute512(problem);

    private static void Gather512(KernelsNative.Problem* problem) => KernelsNative.Gather512(problem);

    private static void Gather256(KernelsNative.Problem* problem) => KernelsNative.Gather256(problem);

    private Add Native(delegate*<KernelsNative.Problem*, void> kernel, int perSpacing) => (heatmap, first) =>
    {
        var (shape, affine, length) = (_geometry.Shape, _geometry.Affine, perSpacing == 1 ? _plan.OffsetCount : _length);
        var profiles = (perSpacing == 1 ? _plain : _filtered).AsSpan(first * length, Backprojector.BlockSize * length);
        fixed (Vector3D* normals = _plan.Directions.Normals[first..])
        fixed (double* weights = _plan.Directions.Weights[first..])
        fixed (float* rows = profiles, slab = heatmap)
        {
            var problem = new KernelsNative.Problem
            {
                I = shape.I,
                J = shape.J,
                K = heatmap.Length / (shape.I * shape.J),
                Directions = Backprojector.BlockSize,
                Length = length,
                PerSpacing = perSpacing,
                Spacing = _plan.SpacingMm,
                Normals = (double*)normals,
                Weights = weights,
                Profiles = rows,
                Slab = slab,
            };
            Write(affine.I, problem.StepI);
            Write(affine.J, problem.StepJ);
            Write(affine.K, problem.StepK);
            Write(affine.Origin - _plan.CentreMm, problem.Origin);
            kernel(&problem);
        }
    };

    private static void Write(Vector3D vector, double* target) => (target[0], target[1], target[2]) = (vector.X, vector.Y, vector.Z);

    private delegate void Add(Span<float> heatmap, int firstDirection);
}
