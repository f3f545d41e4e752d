using ToNNO.Tomography.Geometry;

namespace ToNNO.Cohort;

/// <summary>The body: an oval cylinder along z with an uneven skin.</summary>
internal sealed class Body(Random random, Vector3D extentMm)
{
    private readonly Vector3D _centre = 0.5 * extentMm;
    private readonly double _halfX = extentMm.X * (0.40 + (0.06 * random.NextDouble()));
    private readonly double _halfY = extentMm.Y * (0.32 + (0.08 * random.NextDouble()));
    private readonly ValueNoise _skin = new(random, extentMm, 40);

    /// <summary>About how far inside a place lies; negative outside.</summary>
    public double DepthMm(Vector3D place)
    {
        var (x, y) = ((place.X - _centre.X) / _halfX, (place.Y - _centre.Y) / _halfY);
        return (Math.Min(_halfX, _halfY) * (1 - Math.Sqrt((x * x) + (y * y)))) + (4 * _skin.At(place));
    }
}

/// <summary>An ellipsoid in any orientation, brighter or darker than what it lies in.</summary>
internal sealed record Organ(Vector3D Centre, Vector3D U, Vector3D V, Vector3D W, double Brightness)
{
    public static Organ Random(Random random, Vector3D extentMm)
    {
        var u = Place.Direction(random);
        var v = u.Cross(Place.Direction(random)).Normalized();
        double Half() => 12 + (18 * random.NextDouble());
        return new(
            Place.Within(random, extentMm, 0.2),
            (1 / Half()) * u,
            (1 / Half()) * v,
            (1 / Half()) * u.Cross(v),
            -0.5 + (0.8 * random.NextDouble()));
    }

    public double DepthMm(Vector3D place)
    {
        var off = place - Centre;
        var (u, v, w) = (off.Dot(U), off.Dot(V), off.Dot(W));
        return (1 - Math.Sqrt((u * u) + (v * v) + (w * w))) / Math.Max(U.Length, Math.Max(V.Length, W.Length));
    }
}

/// <summary>A bright tube along a bent line.</summary>
internal sealed record Vessel(IReadOnlyList<Vector3D> Line, double RadiusMm, double Brightness)
{
    private const double StepMm = 2;

    public static Vessel Random(Random random, Vector3D extentMm)
    {
        var (at, along) = (Place.Within(random, extentMm, 0.15), Place.Direction(random));
        var line = new List<Vector3D>();
        for (var step = 0; step < 70; step++)
        {
            line.Add(at);
            at += StepMm * along;
            along = (along + (0.12 * Place.Direction(random))).Normalized();
        }

        return new(line, 1.5 + (2 * random.NextDouble()), 0.6 + random.NextDouble());
    }

    public double DepthMm(Vector3D place)
    {
        var nearest = double.PositiveInfinity;
        foreach (var point in Line)
        {
            var off = place - point;
            nearest = Math.Min(nearest, off.Dot(off));
        }

        return RadiusMm - Math.Sqrt(nearest);
    }
}

/// <summary>A lesion: a ball with a knobbly surface.</summary>
internal sealed record Lesion(Vector3D Centre, double RadiusMm, double Brightness, IReadOnlyList<(Vector3D Direction, double Height)> Knobs)
{
    private const double SmallestMm = 6;
    private const double LargestMm = 14;
    private const double FaintestContrast = 0.9;
    private const double BrightestContrast = 2;

    /// <summary>Places 1 to <paramref name="most"/> lesions in the body, clear of its skin and of the middles of vessels.</summary>
    public static IReadOnlyList<Lesion> Place(Random random, Vector3D extentMm, int most, Body body, IReadOnlyList<Vessel> vessels)
    {
        var (count, lesions) = (1 + random.Next(most), new List<Lesion>());
        while (lesions.Count < count)
        {
            var radius = SmallestMm * Math.Pow(LargestMm / SmallestMm, random.NextDouble());
            var contrast = FaintestContrast * Math.Pow(BrightestContrast / FaintestContrast, random.NextDouble());
            var centre = Cohort.Place.Within(random, extentMm, 0.1);
            var knobs = Enumerable.Range(0, 6).Select(_ => (Cohort.Place.Direction(random), 0.15 * ValueNoise.Normal(random))).ToList();
            if (body.DepthMm(centre) > radius && vessels.All(vessel => vessel.DepthMm(centre) < -2) && lesions.TrueForAll(other => (other.Centre - centre).Length > other.RadiusMm + radius))
            {
                lesions.Add(new(centre, radius, contrast, knobs));
            }
        }

        return lesions;
    }

    public double DepthMm(Vector3D place)
    {
        var off = place - Centre;
        var distance = off.Length;
        if (distance > 2 * RadiusMm)
        {
            return RadiusMm - distance;
        }

        var towards = distance > 0 ? (1 / distance) * off : default;
        return (RadiusMm * (1 + Knobs.Sum(knob => knob.Height * Math.Max(0, towards.Dot(knob.Direction))))) - distance;
    }
}

/// <summary>Random places and directions.</summary>
internal static class Place
{
    public static Vector3D Direction(Random random)
    {
        var direction = new Vector3D(ValueNoise.Normal(random), ValueNoise.Normal(random), ValueNoise.Normal(random));
        return direction.Length > 0 ? direction.Normalized() : new(0, 0, 1);
    }

    /// <param name="margin">Part of the extent that is left free at either end.</param>
    public static Vector3D Within(Random random, Vector3D extentMm, double margin)
    {
        double Along(double extent) => extent * (margin + ((1 - (2 * margin)) * random.NextDouble()));
        return new(Along(extentMm.X), Along(extentMm.Y), Along(extentMm.Z));
    }
}
