using ToNNO.Contracts;
using ToNNO.Tomography.Backprojection;
using ToNNO.Tomography.Filtering;
using ToNNO.Tomography.Sampling;

namespace ToNNO.ReconActors.Slabs;

/// <summary>A slab of a heatmap in the making.</summary>
internal sealed class SlabAccumulator
{
    private readonly VolumeTask _task;
    private readonly SamplingPlan _plan;
    private readonly SlabRange _range;
    private readonly ProfileFilter _filter;

    public SlabAccumulator(VolumeTask task, int slab)
    {
        _task = task;
        _plan = task.Plan();
        _range = task.Slab(slab);
        _filter = ProfileFilter.Create(task.Settings.Alpha, task.Settings.Window, _plan.SpacingMm, _plan.OffsetCount);
        Voxels = new float[(long)task.Geometry.Shape.I * task.Geometry.Shape.J * _range.CountK];
    }

    public float[] Voxels { get; }

    public int OffsetCount => _plan.OffsetCount;

    /// <summary>First direction that the slab lacks.</summary>
    public int NextDirection { get; private set; }

    public bool Complete => NextDirection == _plan.Directions.Count;

    /// <summary>Filters and backprojects the rows that come next, block by block.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The rows are not those that come next.</exception>
    public void Apply(RowsBlob rows)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(rows.Directions.First, NextDirection, nameof(rows));
        for (var first = 0; first < rows.Directions.Count; first += Backprojector.BlockSize)
        {
            var count = Math.Min(Backprojector.BlockSize, rows.Directions.Count - first);
            var profiles = rows.Logits.AsSpan(first * OffsetCount, count * OffsetCount);
            Backprojector.Accumulate(
                Voxels, _task.Geometry, _range.FirstK, _plan, NextDirection + first, _filter.ApplyRows(profiles, rows.BlankLogit, OffsetCount));
        }

        NextDirection = rows.Directions.End;
    }
}
