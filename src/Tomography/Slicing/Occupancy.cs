using System.Numerics;
using System.Runtime.Intrinsics;
using ToNNO.Tomography.Geometry;
using ToNNO.Tomography.Sampling;

namespace ToNNO.Tomography.Slicing;

/// <summary>Which parts of a volume hold anything but fill, so that slices of fill are known without being cut.</summary>
/// <remarks>Blocks of 8³ voxels. A block is empty where every sample becomes the fill pixel; a pixel between such samples is the fill
/// pixel too (<see cref="PixelMap"/>), so that a plane out of reach of all other blocks is blank, exactly.</remarks>
public sealed class Occupancy
{
    internal const int BlockEdge = 8;

    /// <summary>Added to what a block reaches, in voxels: far more than the rounding of a pixel's place.</summary>
    private const double Margin = 1e-4;

    private readonly VolumeGeometry _geometry;
    private readonly List<VoxelBox> _runs = [];

    private Occupancy(VolumeGeometry geometry) => _geometry = geometry;

    /// <summary>The smallest box that holds every voxel that does not become the fill pixel.</summary>
    public VoxelBox Box { get; private set; } = new(new(int.MaxValue, int.MaxValue, int.MaxValue), new(-1, -1, -1));

    /// <summary>Looks at every voxel once.</summary>
    public static Occupancy Of(Volume volume, IntensityMap intensity)
    {
        ArgumentNullException.ThrowIfNull(volume);
        var (occupancy, shape, samples) = (new Occupancy(volume.Geometry), volume.Geometry.Shape, volume.Samples);
        var map = new PixelMap(samples, intensity);
        var line = new float[shape.I];
        var blocks = new bool[(shape.I + BlockEdge - 1) / BlockEdge];
        for (var planes = 0; planes < shape.K; planes += BlockEdge)
        {
            for (var rows = 0; rows < shape.J; rows += BlockEdge)
            {
                Array.Clear(blocks);
                var (endK, endJ) = (Math.Min(planes + BlockEdge, shape.K), Math.Min(rows + BlockEdge, shape.J));
                for (var k = planes; k < endK; k++)
                {
                    for (var j = rows; j < endJ; j++)
                    {
                        samples.CopyTo((j + ((long)shape.J * k)) * shape.I, line);
                        occupancy.Mark(line, map, j, k, blocks);
                    }
                }

                occupancy.AddRuns(blocks, rows, endJ - 1, planes, endK - 1);
            }
        }

        return occupancy;
    }

    /// <summary>Marks the slices of a stack that reach a block that is not empty; each of the others is blank.</summary>
    /// <param name="touched">Destination, one per offset of <paramref name="plan"/>.</param>
    public void Touched(Vector3D normal, SamplingPlan plan, Span<bool> touched)
    {
        ArgumentNullException.ThrowIfNull(plan);
        ArgumentOutOfRangeException.ThrowIfNotEqual(touched.Length, plan.OffsetCount, nameof(touched));
        touched.Clear();
        var affine = _geometry.Affine;
        var (alongI, alongJ, alongK) = (normal.Dot(affine.I), normal.Dot(affine.J), normal.Dot(affine.K));
        var origin = normal.Dot(affine.Origin - plan.CentreMm);
        foreach (var (low, high) in _runs)
        {
            // The kernel of a voxel reaches one index further, on both sides.
            var centre = origin + (0.5 * (((low.I + high.I) * alongI) + ((low.J + high.J) * alongJ) + ((low.K + high.K) * alongK)));
            var reach = (Half(low.I, high.I) * Math.Abs(alongI)) + (Half(low.J, high.J) * Math.Abs(alongJ)) + (Half(low.K, high.K) * Math.Abs(alongK));
            var middle = plan.OffsetCount / 2;
            var first = (int)Math.Clamp(Math.Ceiling(((centre - reach) / plan.SpacingMm) + middle), 0, plan.OffsetCount);
            var last = (int)Math.Clamp(Math.Floor(((centre + reach) / plan.SpacingMm) + middle), -1, plan.OffsetCount - 1);
            if (first <= last)
            {
                touched[first..(last + 1)].Fill(true);
            }
        }
    }

    private static double Half(int low, int high) => (0.5 * (high - low)) + 1 + Margin;

    /// <summary>Marks the blocks along a line of voxels that hold more than fill.</summary>
    private void Mark(ReadOnlySpan<float> line, PixelMap map, int j, int k, Span<bool> blocks)
    {
        var (first, last) = (int.MaxValue, -1);
        var fill = Vector256.Create(map.FillPixel);
        for (var start = 0; start < line.Length; start += BlockEdge)
        {
            var differing = 0u;
            if (start + BlockEdge <= line.Length)
            {
                differing = ~Vector256.Equals(map.Window(Vector256.Create(line.Slice(start, BlockEdge))), fill).ExtractMostSignificantBits() & 0xff;
            }
            else
            {
                for (var i = start; i < line.Length; i++)
                {
                    differing |= map.Window(line[i]) != map.FillPixel ? 1u << (i - start) : 0;
                }
            }

            if (differing != 0)
            {
                blocks[start / BlockEdge] = true;
                first = Math.Min(first, start + BitOperations.TrailingZeroCount(differing));
                last = start + BitOperations.Log2(differing);
            }
        }

        if (last >= 0)
        {
            var (low, high) = (Box.Low, Box.High);
            Box = new(
                new(Math.Min(low.I, first), Math.Min(low.J, j), Math.Min(low.K, k)),
                new(Math.Max(high.I, last), Math.Max(high.J, j), Math.Max(high.K, k)));
        }
    }

    /// <summary>Neighbouring blocks along i as one box each.</summary>
    private void AddRuns(ReadOnlySpan<bool> blocks, int lowJ, int highJ, int lowK, int highK)
    {
        for (var block = 0; block < blocks.Length; block++)
        {
            if (!blocks[block])
            {
                continue;
            }

            var first = block;
            while (block + 1 < blocks.Length && blocks[block + 1])
            {
                block++;
            }

            var lastI = Math.Min(((block + 1) * BlockEdge) - 1, _geometry.Shape.I - 1);
            _runs.Add(new(new(first * BlockEdge, lowJ, lowK), new(lastI, highJ, highK)));
        }
    }
}
