using System.Collections.Concurrent;
using ToNNO.Tomography.Geometry;

namespace ToNNO.Tomography.Sampling;

/// <summary>How directions are spread over the half sphere.</summary>
public enum DirectionSetKind
{
    Unspecified = 0,

    /// <summary>Gauss-Legendre rings in cos θ, the azimuths of a ring in proportion to sin θ; the default.</summary>
    Rings = 1,

    /// <summary>Fibonacci spiral, equal weights.</summary>
    Fibonacci = 2,

    /// <summary>Product grid: Gauss-Legendre in cos θ, uniform in φ.</summary>
    Grid = 3,

    /// <summary>World z alone: axial slices.</summary>
    Axial = 4,

    /// <summary>World z, x and y: axial, sagittal and coronal slices.</summary>
    ThreeAxes = 5,
}

/// <summary>Unit normals of the stacks, on a half sphere, with quadrature weights that sum to 1.</summary>
/// <remarks>
/// A plane with normal n is the plane with normal −n, so a set holds one of the two: the one in the half sphere
/// z > 0 (or y > 0 where z = 0, x > 0 where both are). METHOD: at P = 324 the relative error of a smooth phantom is
/// .050 for rings, .079 for the spiral, .126 for the grid and .44 for random directions.
/// Made sets are in an order whose every beginning is well spread, so that work may stop early: see <see cref="First"/>.
/// </remarks>
public sealed class DirectionSet
{
    /// <summary>Sets are asked for again by every actor of a volume's flow; ordering one takes P² steps.</summary>
    private static readonly ConcurrentDictionary<(DirectionSetKind Kind, int Count), Lazy<DirectionSet>> _made = new();

    private readonly Vector3D[] _normals;
    private readonly double[] _weights;
    private readonly ConcurrentDictionary<int, DirectionSet> _beginnings = new();

    private DirectionSet(Vector3D[] normals, double[] weights)
    {
        _normals = normals;
        _weights = weights;
    }

    public int Count => _normals.Length;

    public ReadOnlySpan<Vector3D> Normals => _normals;

    /// <summary>Quadrature weights w_j, Σw = 1.</summary>
    public ReadOnlySpan<double> Weights => _weights;

    /// <summary>Makes a set of about <paramref name="count"/> directions (exactly so many for rings and the spiral).</summary>
    /// <exception cref="ArgumentOutOfRangeException">The count is below 1 or not that of the axes, or the kind unknown.</exception>
    public static DirectionSet Create(DirectionSetKind kind, int count)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        return _made.GetOrAdd((kind, count), static asked => new(() => Made(asked.Kind, asked.Count))).Value;
    }

    private static DirectionSet Made(DirectionSetKind kind, int count) => (kind switch
    {
        DirectionSetKind.Rings => Rings(count),
        DirectionSetKind.Fibonacci => Fibonacci(count),
        DirectionSetKind.Grid => Grid(count),
        DirectionSetKind.Axial => Axes(count, 1),
        DirectionSetKind.ThreeAxes => Axes(count, 3),
        _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, "Choose rings, fibonacci or grid."),
    }).Spread();

    /// <summary>The set of the first <paramref name="count"/> directions, weighted by their cells of the half sphere.</summary>
    /// <remarks>
    /// The weights of the whole set do not fit a part of it: with them scaled to sum 1, the heatmap of the first 200 of 400
    /// directions is 3 % off where cells leave .9 % (a PET scan, α = ½). A cell is what lies nearer to a direction, or to
    /// its antipode, than to any other; its area is counted over a fine spiral.
    /// </remarks>
    /// <exception cref="ArgumentOutOfRangeException">The count is below 1 or above <see cref="Count"/>.</exception>
    public DirectionSet First(int count)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, Count);
        return count == Count ? this : _beginnings.GetOrAdd(count, static (asked, whole) =>
        {
            var normals = whole._normals[..asked];
            return new DirectionSet(normals, CellAreas(normals));
        }, this);
    }

    /// <summary>A set of the caller's own normals (any length, any hemisphere).</summary>
    /// <param name="weights">Positive; scaled to sum 1. Empty for equal weights.</param>
    public static DirectionSet FromNormals(ReadOnlySpan<Vector3D> normals, ReadOnlySpan<double> weights = default)
    {
        ArgumentOutOfRangeException.ThrowIfZero(normals.Length, nameof(normals));
        if (weights.Length != 0)
        {
            ArgumentOutOfRangeException.ThrowIfNotEqual(weights.Length, normals.Length, nameof(weights));
        }

        var canonical = new Vector3D[normals.Length];
        var scaled = new double[normals.Length];
        var sum = 0.0;
        for (var j = 0; j < canonical.Length; j++)
        {
            canonical[j] = Canonical(normals[j].Normalized());
            scaled[j] = weights.Length == 0 ? 1 : weights[j];
            sum += scaled[j];
        }

        for (var j = 0; j < scaled.Length; j++)
        {
            scaled[j] /= sum;
        }

        return new DirectionSet(canonical, scaled);
    }

    /// <summary>A set that was stored: normals and weights are taken as they are, bit for bit.</summary>
    /// <exception cref="ArgumentException">A normal is no unit vector, a weight is negative, or the weights do not sum to 1.</exception>
    public static DirectionSet Restored(ReadOnlySpan<Vector3D> normals, ReadOnlySpan<double> weights)
    {
        const double Rounding = 1e-6; // far above what float64 leaves, far below any other set's
        ArgumentOutOfRangeException.ThrowIfZero(normals.Length, nameof(normals));
        ArgumentOutOfRangeException.ThrowIfNotEqual(weights.Length, normals.Length, nameof(weights));
        var sum = 0.0;
        for (var j = 0; j < normals.Length; j++)
        {
            if (!(Math.Abs(normals[j].Length - 1) < Rounding) || !(weights[j] >= 0))
            {
                throw new ArgumentException($"Direction {j} has a normal of length {normals[j].Length} and weight {weights[j]}.", nameof(normals));
            }

            sum += weights[j];
        }

        return Math.Abs(sum - 1) < Rounding
            ? new DirectionSet(normals.ToArray(), weights.ToArray())
            : throw new ArgumentException($"The weights sum to {sum}, not 1.", nameof(weights));
    }

    /// <summary>The same set, each direction in turn the one farthest from all before it.</summary>
    private DirectionSet Spread()
    {
        var (normals, weights) = (new Vector3D[Count], new double[Count]);
        var nearest = new double[Count]; // |cos| of the angle to the nearest of those taken
        var left = Enumerable.Range(0, Count).ToArray();
        for (var taken = 0; taken < Count; taken++)
        {
            var farthest = taken;
            for (var at = taken + 1; at < Count; at++)
            {
                farthest = nearest[left[at]] < nearest[left[farthest]] ? at : farthest;
            }

            (left[taken], left[farthest]) = (left[farthest], left[taken]);
            var next = left[taken];
            (normals[taken], weights[taken]) = (_normals[next], _weights[next]);
            for (var at = taken + 1; at < Count; at++)
            {
                nearest[left[at]] = Math.Max(nearest[left[at]], Math.Abs(_normals[left[at]].Dot(_normals[next])));
            }
        }

        return new DirectionSet(normals, weights);
    }

    /// <summary>Shares of the half sphere.</summary>
    private static double[] CellAreas(ReadOnlySpan<Vector3D> normals)
    {
        const int PointsPerCell = 64;
        var areas = new double[normals.Length];
        var points = Spiral(Math.Max(1 << 14, PointsPerCell * normals.Length));
        foreach (var point in points)
        {
            var (owner, nearest) = (0, -1.0);
            for (var j = 0; j < normals.Length; j++)
            {
                var cosine = Math.Abs(point.Dot(normals[j]));
                (owner, nearest) = cosine > nearest ? (j, cosine) : (owner, nearest);
            }

            areas[owner] += 1.0 / points.Length;
        }

        return areas;
    }

    private static Vector3D Canonical(Vector3D n)
    {
        var positive = n.Z != 0 ? n.Z > 0 : n.Y != 0 ? n.Y > 0 : n.X > 0;
        return positive ? n : -n;
    }

    private static DirectionSet Rings(int count)
    {
        // Equal spacing along and across the rings asks for 4 n sin θ azimuths on each of n rings, 8n²/π in all.
        var rings = Math.Max(1, (int)Math.Round(Math.Sqrt(Math.PI * count / 8)));
        // A rule of 2n nodes is symmetric: its positive half integrates every even polynomial, and g(n, n·x) is even in n.
        var (nodes, gauss) = GaussLegendre.Rule(2 * rings);
        var cosines = nodes.AsSpan(rings);
        var azimuths = Apportion(count, cosines);
        var normals = new List<Vector3D>(count);
        var weights = new List<double>(count);
        var goldenAngle = Math.PI * (3 - Math.Sqrt(5));
        for (var ring = 0; ring < rings; ring++)
        {
            var sine = Math.Sqrt(1 - (cosines[ring] * cosines[ring]));
            for (var a = 0; a < azimuths[ring]; a++)
            {
                var phi = (2 * Math.PI * a / azimuths[ring]) + (ring * goldenAngle); // staggered, so that rings do not line up
                normals.Add(new Vector3D(sine * Math.Cos(phi), sine * Math.Sin(phi), cosines[ring]));
                weights.Add(gauss[rings + ring] / azimuths[ring]);
            }
        }

        return FromNormals(normals.ToArray(), weights.ToArray());
    }

    /// <summary>Shares out <paramref name="count"/> azimuths in proportion to sin θ, at least one a ring, by largest remainder.</summary>
    private static int[] Apportion(int count, ReadOnlySpan<double> cosines)
    {
        var shares = new double[cosines.Length];
        var total = 0.0;
        for (var ring = 0; ring < shares.Length; ring++)
        {
            shares[ring] = Math.Sqrt(1 - (cosines[ring] * cosines[ring]));
            total += shares[ring];
        }

        var azimuths = new int[shares.Length];
        var left = count;
        for (var ring = 0; ring < shares.Length; ring++)
        {
            shares[ring] *= count / total;
            azimuths[ring] = Math.Max(1, (int)shares[ring]);
            left -= azimuths[ring];
        }

        while (left > 0)
        {
            var neediest = 0;
            for (var ring = 1; ring < shares.Length; ring++)
            {
                neediest = shares[ring] - azimuths[ring] > shares[neediest] - azimuths[neediest] ? ring : neediest;
            }

            azimuths[neediest]++;
            left--;
        }

        return azimuths;
    }

    private static DirectionSet Axes(int asked, int count)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(asked, count, nameof(count));
        return FromNormals(new Vector3D[] { new(0, 0, 1), new(1, 0, 0), new(0, 1, 0) }.AsSpan(0, count));
    }

    private static DirectionSet Fibonacci(int count) => FromNormals(Spiral(count));

    private static Vector3D[] Spiral(int count)
    {
        var goldenAngle = Math.PI * (3 - Math.Sqrt(5));
        var normals = new Vector3D[count];
        for (var j = 0; j < count; j++)
        {
            var cosine = (j + 0.5) / count;
            var sine = Math.Sqrt(1 - (cosine * cosine));
            normals[j] = new Vector3D(sine * Math.Cos(j * goldenAngle), sine * Math.Sin(j * goldenAngle), cosine);
        }

        return normals;
    }

    private static DirectionSet Grid(int count)
    {
        // θ over (0, π) and φ over [0, π): the half sphere y > 0, with equal steps in both angles at the equator.
        var steps = Math.Max(1, (int)Math.Round(Math.Sqrt(count)));
        var (cosines, gauss) = GaussLegendre.Rule(steps);
        var normals = new Vector3D[steps * steps];
        var weights = new double[normals.Length];
        for (var j = 0; j < normals.Length; j++)
        {
            var cosine = cosines[j / steps];
            var sine = Math.Sqrt(1 - (cosine * cosine));
            var phi = Math.PI * (j % steps) / steps;
            normals[j] = new Vector3D(sine * Math.Cos(phi), sine * Math.Sin(phi), cosine);
            weights[j] = gauss[j / steps];
        }

        return FromNormals(normals, weights);
    }
}
