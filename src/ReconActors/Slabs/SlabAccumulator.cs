using ToNNO.Contracts;
using ToNNO.Tomography.Backprojection;
using ToNNO.Tomography.Filtering;
using ToNNO.Tomography.Lifting;
using ToNNO.Tomography.Sampling;

namespace ToNNO.ReconActors.Slabs;

/// <summary>A slab of a heatmap in the making.</summary>
internal sealed class SlabAccumulator
{
    private readonly VolumeTask _task;
    private readonly SamplingPlan _plan;
    private readonly SlabRange _range;
    private readonly ProfileFilter _filter;
    private readonly SlabStages _stages;

    /// <param name="stages">What filtering and backprojecting take is noted there.</param>
    public SlabAccumulator(VolumeTask task, int slab, SlabStages stages)
    {
        _task = task;
        _stages = stages;
        _plan = task.Plan();
        _range = task.Slab(slab);
        _filter = ProfileFilter.Create(task.Settings.Alpha, task.Settings.Window, _plan.SpacingMm, _plan.OffsetCount);
        Voxels = new float[(long)task.Geometry.Shape.I * task.Geometry.Shape.J * _range.CountK];
    }

    public float[] Voxels { get; }

    /// <summary>First direction that the slab lacks.</summary>
    public int NextDirection { get; private set; }

    public bool Complete => NextDirection == _plan.Directions.Count;

    /// <summary>Adds the lease that comes next.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The lease is not the one that comes next.</exception>
    public void Apply(LeaseContent lease)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(lease.Rows.Directions.First, NextDirection, nameof(lease));
        if (_task.Settings.IsCentreBlob)
        {
            CentreBlob.Write(Voxels, _task.Geometry, _range.FirstK);
        }
        else if (_task.Settings.Maps is { } maps)
        {
            Lift(lease.Stacks, filtered: maps.Method == CamMethod.Tomographic);
        }
        else
        {
            Backproject(lease.Rows);
        }

        NextDirection = lease.Rows.Directions.End;
    }

    /// <summary>Filters and backprojects rows, block by block.</summary>
    private void Backproject(RowsBlob rows)
    {
        for (var first = 0; first < rows.Directions.Count; first += Backprojector.BlockSize)
        {
            var count = Math.Min(Backprojector.BlockSize, rows.Directions.Count - first);
            var profiles = rows.Of(_range.Class).Slice(first * _plan.OffsetCount, count * _plan.OffsetCount);
            var begun = SlabStages.Now();
            var filtered = _filter.ApplyRows(profiles, rows.BlankLogits[_range.Class], _plan.OffsetCount);
            _stages.Ended(SlabStages.Filter, begun);
            begun = SlabStages.Now();
            Backprojector.Accumulate(Voxels, _task.Geometry, _range.FirstK, _plan, NextDirection + first, filtered);
            _stages.Ended(SlabStages.Backproject, begun);
        }
    }

    private void Lift(IReadOnlyList<StackBlob> stacks, bool filtered)
    {
        foreach (var stack in stacks)
        {
            var begun = SlabStages.Now();
            var field = filtered
                ? MapField.Filtered(stack.Maps, stack.Blank, stack.Grid, _plan, stack.Direction, _filter)
                : MapField.Of(stack.Maps, stack.Grid, _plan, stack.Direction);
            _stages.Ended(SlabStages.Filter, begun);
            begun = SlabStages.Now();
            field.AddTo(Voxels, _task.Geometry, _range.FirstK, _plan.Directions.Weights[stack.Direction]);
            _stages.Ended(SlabStages.Backproject, begun);
        }
    }
}
