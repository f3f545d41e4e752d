using System.Text.Json.Serialization;
using ToNNO.Tomography.Backprojection;
using ToNNO.Tomography.Filtering;
using ToNNO.Tomography.Geometry;
using ToNNO.Tomography.Sampling;
using ToNNO.Tomography.Slicing;

namespace ToNNO.Tomography.Anytime;

/// <summary>When work on a volume may stop short of all its directions, and which planes it may leave out.</summary>
/// <param name="Until">Stop once a pass changes the heatmap by less than this (relative L2).</param>
/// <param name="Adaptive">After the first pass encode only planes that meet what may be a lesion.</param>
public sealed record PassRule(double? Until = null, bool Adaptive = false)
{
    /// <summary>The change below which an adaptive run stops where none is given.</summary>
    public const double AdaptiveUntil = 0.05;

    [JsonIgnore]
    public double Tolerance => Until ?? AdaptiveUntil;
}

/// <summary>What follows from a pass.</summary>
/// <param name="Change">Relative L2 change of the heatmap against the pass before, in the candidate region of an adaptive run; NaN after
/// the first. Of several classes the largest.</param>
/// <param name="Stop">No further pass is needed.</param>
/// <param name="Guide">Rows <c>[class, direction, offset]</c> of the next pass: NaN where a plane is to be measured, else the logit to
/// take for it. Null where all planes are to be measured.</param>
public sealed record PassOutcome(double Change, bool Stop, float[]? Guide);

/// <summary>Looks at the heatmaps of all classes after each pass of directions and decides how to go on.</summary>
/// <remarks>Work stops when no class changes any more, and a plane is left out when no class needs it. It judges through a Hann window: what changes from pass to pass at the highest frequencies is noise and streaks.
/// The same rows give the same decisions, wherever and whenever they are made. Not thread-safe.</remarks>
public sealed class PassPlanner
{
    /// <summary>Share of the bound at which a voxel may still become part of a lesion: after 32 directions streaks may take
    /// 40 % from a lesion's peak.</summary>
    private const double Doubt = 0.6;

    /// <summary>Bound, as a share of the peak, where none or none reachable is given.</summary>
    private const double DefaultBound = 0.5;

    /// <summary>Where the region meets more than this share of a pass's planes, all of them are measured: little is saved,
    /// and many scattered lesions are what guessed profiles are worst at.</summary>
    private const double MostGuided = 2.0 / 3;

    /// <summary>Directions before which a guided run goes on, however little a pass changed: its passes are cheap, and from 48
    /// directions masks of single lesions are .01 of Dice worse.</summary>
    private const int LeastGuided = 96;

    private readonly VolumeGeometry _geometry;
    private readonly VolumeGeometry _grid;
    private readonly int _step;
    private readonly SamplingPlan _plan;
    private readonly PassRule _rule;
    private readonly HeatmapThreshold? _threshold;
    private readonly ProfileFilter _filter;
    private readonly IReadOnlyList<int> _ends;
    private readonly ClassState[] _classes;
    private bool _guided;
    private int _pass;

    /// <param name="plan">All directions.</param>
    /// <param name="threshold">Where the heatmap will become a mask, if it will.</param>
    /// <param name="classes">Number of classes.</param>
    public PassPlanner(VolumeGeometry geometry, SamplingPlan plan, double alpha, HeatmapThreshold? threshold, PassRule rule, int classes = 1)
    {
        _classes = [.. Enumerable.Range(0, classes).Select(_ => new ClassState())];
        (_geometry, _plan, _threshold, _rule) = (geometry, plan, threshold, rule);
        (_grid, _step) = JudgingGrid.Of(geometry);
        _filter = ProfileFilter.Create(alpha, FilterWindow.Hann, plan.SpacingMm, plan.OffsetCount);
        _ends = DirectionPasses.Ends(plan.Directions.Count);
    }

    /// <summary>Bytes that a planner of a volume takes while it decides.</summary>
    public static long PredictedBytes(VolumeGeometry geometry, int classes) =>
        classes * JudgingGrid.Of(geometry).Grid.Shape.VoxelCount * ((2 * sizeof(float)) + (2 * sizeof(bool)));

    /// <summary>Judges the pass that ended; to be asked after each pass, in order.</summary>
    /// <param name="rows">Logits <c>[class, direction, offset]</c> of all passes so far.</param>
    /// <param name="blankLogits">By class: the encoder's answer to a slice of fill.</param>
    public PassOutcome Conclude(ReadOnlySpan<float> rows, ReadOnlySpan<float> blankLogits)
    {
        var end = _ends[_pass++];
        var ofClass = end * _plan.OffsetCount;
        ArgumentOutOfRangeException.ThrowIfNotEqual(rows.Length, _classes.Length * ofClass, nameof(rows));
        ArgumentOutOfRangeException.ThrowIfNotEqual(blankLogits.Length, _classes.Length, nameof(blankLogits));
        var change = 0.0;
        for (var at = 0; at < _classes.Length; at++)
        {
            change = Math.Max(change, _classes[at].Take(Heatmap(rows.Slice(at * ofClass, ofClass), blankLogits[at], end))); // NaN wins
        }

        if (end == _plan.Directions.Count || (change <= _rule.Tolerance && (!_guided || end >= LeastGuided)))
        {
            return new PassOutcome(change, true, null);
        }

        if (!_rule.Adaptive)
        {
            return new PassOutcome(change, false, null);
        }

        var found = true;
        foreach (var one in _classes)
        {
            found &= one.FindRegion(_grid, peak => Doubt * Math.Min(_threshold?.For(peak) ?? double.PositiveInfinity, DefaultBound * peak));
        }

        var guide = found ? Guide(rows, blankLogits, end, _ends[_pass]) : null;
        _guided = guide is not null;
        return new PassOutcome(change, false, guide);
    }

    private float[] Heatmap(ReadOnlySpan<float> rows, float blankLogit, int directions)
    {
        var part = _plan.FirstDirections(directions);
        var filtered = _filter.ApplyRows(Smoothed(rows, blankLogit), blankLogit, _plan.OffsetCount);
        var length = ProfileFilter.FilteredLength(_plan.OffsetCount);
        var heatmap = new float[_grid.Shape.VoxelCount];
        var plane = _grid.Shape.I * _grid.Shape.J;
        Parallel.For(0, _grid.Shape.K, k =>
        {
            for (var first = 0; first < directions; first += Backprojector.BlockSize)
            {
                var count = Math.Min(Backprojector.BlockSize, directions - first);
                Backprojector.Accumulate(heatmap.AsSpan(k * plane, plane), _grid, k, part, first, filtered.AsSpan(first * length, count * length));
            }
        });
        return heatmap;
    }

    /// <summary>Rows widened to the grid: between thinned voxels a small lesion would be missed.</summary>
    private ReadOnlySpan<float> Smoothed(ReadOnlySpan<float> rows, float blankLogit)
    {
        var half = (int)Math.Round(_step * _geometry.FinestSpacingMm / _plan.SpacingMm) - 1;
        if (_step == 1 || half < 1)
        {
            return rows;
        }

        var (smoothed, width) = (new float[rows.Length], _plan.OffsetCount);
        for (var at = 0; at < rows.Length; at++)
        {
            var (start, offset, sum) = (at - (at % width), at % width, 0.0);
            for (var m = -half; m <= half; m++)
            {
                var value = (uint)(offset + m) < (uint)width ? rows[start + offset + m] : blankLogit;
                sum += (half + 1 - Math.Abs(m)) * (double)value;
            }

            smoothed[at] = (float)(sum / ((half + 1) * (half + 1)));
        }

        return smoothed;
    }

    private float[]? Guide(ReadOnlySpan<float> rows, ReadOnlySpan<float> blankLogits, int first, int end)
    {
        var width = _plan.OffsetCount;
        var (known, ofClass) = (first * width, (end - first) * width);
        var guide = new float[_classes.Length * ofClass];
        var wanted = new bool[width];
        var (meeting, planes) = (0L, 0L);
        for (var direction = first; direction < end; direction++)
        {
            var normal = _plan.Directions.Normals[direction];
            Array.Clear(wanted);
            foreach (var one in _classes)
            {
                one.Region!.Mark(_plan, normal, wanted);
            }

            for (var offset = 0; offset < width; offset++)
            {
                var missed = SliceCutter.Misses(_geometry, normal, _plan.OffsetMm(offset));
                wanted[offset] &= !missed;
                planes += missed ? 0 : 1;
                meeting += wanted[offset] ? 1 : 0;
            }

            for (var at = 0; at < _classes.Length; at++)
            {
                var row = guide.AsSpan((at * ofClass) + ((direction - first) * width), width);
                ProfileInterpolation.Write(
                    _plan.Directions.Normals[..DirectionPasses.Coarse], rows.Slice(at * known, DirectionPasses.Coarse * width), normal, row);
                for (var offset = 0; offset < width; offset++)
                {
                    row[offset] = wanted[offset] ? float.NaN
                        : SliceCutter.Misses(_geometry, normal, _plan.OffsetMm(offset)) ? blankLogits[at]
                        : row[offset];
                }
            }
        }

        return meeting > MostGuided * planes ? null : guide;
    }

    /// <summary>What is known of one class.</summary>
    private sealed class ClassState
    {
        private float[]? _heatmap;

        /// <summary>Voxels that may still become part of a lesion; null before the first pass is judged.</summary>
        public CandidateRegion? Region { get; private set; }

        /// <summary>Takes the heatmap after a pass.</summary>
        /// <returns>What the pass changed; NaN after the first.</returns>
        public double Take(float[] heatmap)
        {
            var change = _heatmap is null ? double.NaN : Change(heatmap, _heatmap);
            _heatmap = heatmap;
            return change;
        }

        /// <param name="boundOf">From the heatmap's peak, the least value of the region.</param>
        /// <returns>False where the heatmap shows nothing.</returns>
        public bool FindRegion(VolumeGeometry grid, Func<float, double> boundOf)
        {
            var peak = 0f;
            for (var at = 0; at < _heatmap!.Length; at++)
            {
                peak = IsInside(at) ? Math.Max(peak, _heatmap[at]) : peak;
            }

            Region = CandidateRegion.Of(grid, _heatmap, boundOf(peak), Region);
            return peak > 0;
        }

        private double Change(float[] heatmap, float[] before)
        {
            var (difference, norm) = (0.0, 0.0);
            for (var at = 0; at < heatmap.Length; at++)
            {
                if (IsInside(at))
                {
                    var step = (double)heatmap[at] - before[at];
                    difference += step * step;
                    norm += (double)heatmap[at] * heatmap[at];
                }
            }

            return difference == 0 ? 0 : Math.Sqrt(difference / norm);
        }

        private bool IsInside(int at) => Region is null || Region.Voxels[at];
    }
}
