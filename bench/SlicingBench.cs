using System.Diagnostics;
using System.Runtime.InteropServices;
using ToNNO.Tomography.Geometry;
using ToNNO.Tomography.Sampling;
using ToNNO.Tomography.Slicing;

namespace ToNNO.Bench;

/// <summary>Slices cut on one core, in Mpx/s, each way in turn and the best of several rounds; and against C in the same run.</summary>
internal static unsafe class SlicingBench
{
    private const int Rounds = 7;
    private const int StackCount = 8;
    private static readonly IntensityMap _window = new(-160, 240, -1024);
    private delegate bool CutSlice(SliceFrame frame, double offsetMm, float[] pixels);

    public static object Measure(string[] arguments) => new
    {
        s128 = Measure(edge: 128, size: 128),
        s224 = Measure(edge: 256, size: 224),
    };

    private static object Measure(int edge, int size)
    {
        var geometry = new VolumeGeometry(new(edge, edge, edge), AffineTransform.Scaling(1, 1, 1));
        var random = new Random(1);
        var shorts = new short[geometry.Shape.VoxelCount];
        for (var at = 0; at < shorts.Length; at++)
        {
            shorts[at] = (short)random.Next(824, 1524);
        }

        var halves = new Volume(geometry, VolumeSamples.FromInt16(shorts, 1, -1024));
        var floats = new Volume(geometry, halves.Samples.AsFloats());
        var pixelMm = (double)edge / size;
        var ways = new Dictionary<string, CutSlice>();
        foreach (var path in new[] { SlicePath.Scalar, SlicePath.Avx2 }.Where(SliceCutter.IsSupported))
        {
            ways[$"float_{path}"] = (frame, s, pixels) => SliceCutter.Cut(floats, frame, s, geometry.CentreMm, pixels, size, pixelMm, _window, null, path);
            ways[$"int16_{path}"] = (frame, s, pixels) => SliceCutter.Cut(halves, frame, s, geometry.CentreMm, pixels, size, pixelMm, _window, null, path);
        }

        foreach (var name in new[] { "slice_plain", "slice_pairs" })
        {
            if (NativeSlice.Find(name) is { } kernel)
            {
                ways[$"c_{name}"] = (frame, s, pixels) => kernel.Cut(floats, frame, s, pixels, size, pixelMm, _window);
            }
        }

        // The best of each stack, not of each round: short enough that neighbours on the machine leave some of them alone.
        var fastest = ways.ToDictionary(way => way.Key, _ => Enumerable.Repeat(double.MaxValue, StackCount).ToArray());
        var directions = DirectionSet.Create(DirectionSetKind.Fibonacci, StackCount);
        SliceFrame[] frames = Array.ConvertAll(directions.Normals.ToArray(), SliceFrame.For);
        var target = new float[size * size];
        var offsets = Enumerable.Range(0, 2 * edge / 3).Select(at => at - (edge / 3)).ToArray();
        for (var round = 0; round < Rounds; round++)
        {
            for (var stack = 0; stack < frames.Length; stack++)
            {
                foreach (var (name, cut) in ways)
                {
                    var begun = Stopwatch.GetTimestamp();
                    foreach (var s in offsets)
                    {
                        cut(frames[stack], s, target);
                    }

                    fastest[name][stack] = Math.Min(fastest[name][stack], Stopwatch.GetElapsedTime(begun).TotalMicroseconds);
                }
            }
        }

        var best = fastest.ToDictionary(way => way.Key, way => (double)StackCount * offsets.Length * size * size / way.Value.Sum());
        var c = best.Where(way => way.Key.StartsWith("c_", StringComparison.Ordinal)).Select(way => way.Value).DefaultIfEmpty(double.NaN).Max();
        return new { edge, size, mpx_per_s = best, ratio_to_best_c = best.ToDictionary(way => way.Key, way => way.Value / c) };
    }

    private readonly struct NativeSlice(nint function)
    {
        private static readonly Lazy<nint> _library = new(Build);

        public static NativeSlice? Find(string name) =>
            _library.Value != 0 && NativeLibrary.TryGetExport(_library.Value, name, out var function) ? new NativeSlice(function) : null;

        public bool Cut(Volume volume, SliceFrame frame, double offsetMm, float[] pixels, int size, double pixelMm, IntensityMap window)
        {
            var (affine, corner, shape) = (volume.Geometry.Affine, -0.5 * (size - 1) * pixelMm, volume.Geometry.Shape);
            var origin = affine.ToIndex(volume.Geometry.CentreMm + (offsetMm * frame.N) + (corner * frame.U) + (corner * frame.V));
            fixed (float* samples = volume.Samples.AsFloats(), target = pixels)
            {
                ((delegate* unmanaged<float*, VolumeShape, Vector3D, Vector3D, Vector3D, float*, int, float, float, void>)function)(
                    samples, shape, origin, affine.ToIndexStep(pixelMm * frame.U), affine.ToIndexStep(pixelMm * frame.V), target, size, window.Low, window.High);
            }

            return true;
        }

        private static nint Build()
        {
            var source = Path.Combine(Environment.GetEnvironmentVariable("TONNO_HOME") ?? ".", "bench", "native", "slice.c");
            var library = Path.Combine(AppContext.BaseDirectory, "libslice.so");
            try
            {
                using var gcc = Process.Start("gcc", ["-O3", "-march=native", "-ffast-math", "-shared", "-fPIC", "-o", library, source]);
                gcc.WaitForExit();
                return gcc.ExitCode == 0 ? NativeLibrary.Load(library) : 0;
            }
            catch (System.ComponentModel.Win32Exception)
            {
                Console.Error.WriteLine("bench.no_gcc: gcc is not there, so nothing is measured against C.");
                return 0;
            }
        }
    }
}
