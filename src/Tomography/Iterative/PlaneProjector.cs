using System.Buffers;
using System.Runtime.Intrinsics;
using ToNNO.Tomography.Backprojection;
using ToNNO.Tomography.Geometry;
using ToNNO.Tomography.Sampling;

namespace ToNNO.Tomography.Iterative;

/// <summary>Plane integrals of a volume, A, and their exact transpose, on all cores.</summary>
/// <remarks>
/// (A f)[n, o] = V Σ_x f(x) · tent((o·h − n·(x − c))/b)/b, mm² · f, with V a voxel's volume and the tent of <see cref="PlaneFootprint"/>.
/// Both ways go over the backprojector's knots (docs/adr/0003), by the same weights. Slabs are fixed in number and summed in
/// order, so that the bits do not depend on the number of cores.
/// </remarks>
public sealed class PlaneProjector
{
    private const int MostSlabs = 8;

    private readonly VolumeGeometry _geometry;
    private readonly double[] _halfWidths;
    private readonly Instructions _instructions;
    private readonly int _slabs;

    public PlaneProjector(VolumeGeometry geometry, SamplingPlan plan)
        : this(geometry, plan, Backprojector.Best)
    {
    }

    internal PlaneProjector(VolumeGeometry geometry, SamplingPlan plan, Instructions instructions)
    {
        (_geometry, Plan, _instructions, _slabs) = (geometry, plan, instructions, Math.Min(MostSlabs, geometry.Shape.K));
        _halfWidths = [.. Enumerable.Range(0, plan.Directions.Count).Select(direction => PlaneFootprint.HalfWidth(geometry, plan, direction))];
    }

    public SamplingPlan Plan { get; }

    /// <summary>A f.</summary>
    /// <param name="volume">Voxels <c>[k, j, i]</c>.</param>
    /// <param name="profiles">Destination <c>[direction, offset]</c>.</param>
    public void Project(float[] volume, double[] profiles, CancellationToken cancel = default)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(volume.LongLength, _geometry.Shape.VoxelCount, nameof(volume));
        ArgumentOutOfRangeException.ThrowIfNotEqual(profiles.Length, Plan.Directions.Count * Plan.OffsetCount, nameof(profiles));
        var parts = new double[_slabs][];
        ForEachSlab((slab, firstK, planes) =>
        {
            parts[slab] = ArrayPool<double>.Shared.Rent(profiles.Length);
            Array.Clear(parts[slab], 0, profiles.Length);
            for (var first = 0; first < Plan.Directions.Count; first += Backprojector.BlockSize)
            {
                cancel.ThrowIfCancellationRequested();
                ProjectBlock(volume, firstK, planes, first, parts[slab]);
            }
        }, cancel);
        for (var at = 0; at < profiles.Length; at++)
        {
            var sum = 0.0;
            foreach (var part in parts)
            {
                sum += part[at];
            }

            profiles[at] = _geometry.VoxelVolumeMm3 / Plan.SpacingMm * sum;
        }

        Array.ForEach(parts, part => ArrayPool<double>.Shared.Return(part));
    }

    /// <summary>(1/2π) Σ_j w_j p_j(n_j·(x − c)), each profile spread by the tent: h/(2πV) · Aᵀ W p.</summary>
    /// <param name="profiles"><c>[direction, offset]</c>.</param>
    /// <param name="volume">Destination, voxels <c>[k, j, i]</c>.</param>
    public void Backproject(double[] profiles, float[] volume, CancellationToken cancel = default)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(volume.LongLength, _geometry.Shape.VoxelCount, nameof(volume));
        ArgumentOutOfRangeException.ThrowIfNotEqual(profiles.Length, Plan.Directions.Count * Plan.OffsetCount, nameof(profiles));
        ForEachSlab((_, firstK, planes) =>
        {
            var plane = _geometry.Shape.I * _geometry.Shape.J;
            volume.AsSpan(firstK * plane, planes * plane).Clear();
            for (var first = 0; first < Plan.Directions.Count; first += Backprojector.BlockSize)
            {
                cancel.ThrowIfCancellationRequested();
                BackprojectBlock(profiles, firstK, planes, first, volume);
            }
        }, cancel);
    }

    private void ForEachSlab(Action<int, int, int> work, CancellationToken cancel)
    {
        var options = new ParallelOptions { CancellationToken = cancel, MaxDegreeOfParallelism = Environment.ProcessorCount };
        Parallel.For(0, _slabs, options, slab =>
        {
            var (first, end) = ((int)((long)_geometry.Shape.K * slab / _slabs), (int)((long)_geometry.Shape.K * (slab + 1) / _slabs));
            work(slab, first, end - first);
        });
    }

    private void ProjectBlock(float[] volume, int firstK, int planes, int first, double[] profiles)
    {
        switch (_instructions)
        {
            case Instructions.Avx512:
                ProjectBlock<Avx512Lanes, Vector512<float>>(volume, firstK, planes, first, profiles);
                break;
            case Instructions.Avx2:
                ProjectBlock<Avx2Lanes, Vector256<float>>(volume, firstK, planes, first, profiles);
                break;
            default:
                ProjectBlock<ScalarLanes, float>(volume, firstK, planes, first, profiles);
                break;
        }
    }

    private unsafe void ProjectBlock<TLanes, TVector>(float[] volume, int firstK, int planes, int first, double[] profiles)
        where TLanes : struct, ILanes<TVector>
        where TVector : unmanaged
    {
        var rows = _geometry.Shape with { K = planes };
        var rowLength = RowKernel<TLanes, TVector>.PaddedLength(rows.I);
        using var block = KnotLines.Laid(_geometry, rows, rowLength, firstK, Plan, first, Math.Min(Backprojector.BlockSize, Plan.Directions.Count - first));
        block.Knots.Clear();
        var padded = ArrayPool<float>.Shared.Rent(rowLength);
        padded.AsSpan(0, rowLength).Clear();
        fixed (float* knots = block.Knots, row = padded)
        {
            for (var at = 0; at < rows.J * rows.K; at++)
            {
                var voxels = volume.AsSpan((at + (firstK * rows.J)) * rows.I, rows.I);
                if (voxels.ContainsAnyExcept(0)) // what is held above 0 is mostly 0
                {
                    voxels.CopyTo(padded);
                    RowScatter<TLanes, TVector>.Add(row, rows.I, block, knots, at % rows.J, at / rows.J);
                }
            }
        }

        ArrayPool<float>.Shared.Return(padded);
        foreach (ref readonly var line in block.Lines)
        {
            var direction = first + line.Direction;
            var profile = profiles.AsSpan(direction * Plan.OffsetCount, Plan.OffsetCount);
            PlaneFootprint.Collect(block.Knots[line.Table..], line, profile, _halfWidths[direction]);
        }
    }

    private void BackprojectBlock(double[] profiles, int firstK, int planes, int first, float[] volume)
    {
        switch (_instructions)
        {
            case Instructions.Avx512:
                BackprojectBlock<Avx512Lanes, Vector512<float>>(profiles, firstK, planes, first, volume);
                break;
            case Instructions.Avx2:
                BackprojectBlock<Avx2Lanes, Vector256<float>>(profiles, firstK, planes, first, volume);
                break;
            default:
                BackprojectBlock<ScalarLanes, float>(profiles, firstK, planes, first, volume);
                break;
        }
    }

    private void BackprojectBlock<TLanes, TVector>(double[] profiles, int firstK, int planes, int first, float[] volume)
        where TLanes : struct, ILanes<TVector>
        where TVector : unmanaged
    {
        var rows = _geometry.Shape with { K = planes };
        var rowLength = RowKernel<TLanes, TVector>.PaddedLength(rows.I);
        using var block = KnotLines.Laid(_geometry, rows, rowLength, firstK, Plan, first, Math.Min(Backprojector.BlockSize, Plan.Directions.Count - first));
        block.Knots.Clear(); // rows reach past their last voxel
        var weighted = new double[Plan.OffsetCount];
        foreach (ref readonly var line in block.Lines)
        {
            var direction = first + line.Direction;
            for (var o = 0; o < weighted.Length; o++)
            {
                weighted[o] = Plan.Directions.Weights[direction] / (2 * Math.PI) * profiles[(direction * Plan.OffsetCount) + o];
            }

            PlaneFootprint.Spread(block.Knots[line.Table..], line, weighted, _halfWidths[direction]);
        }

        Backprojector.AddRows<TLanes, TVector>(volume.AsSpan(firstK * rows.I * rows.J, rows.I * rows.J * rows.K), rows, rowLength, block);
    }
}
