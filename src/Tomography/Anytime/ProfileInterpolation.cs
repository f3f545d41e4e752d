using ToNNO.Tomography.Geometry;

namespace ToNNO.Tomography.Anytime;

/// <summary>Guesses the profile of a direction from those of its neighbours, for planes that are not measured.</summary>
public static class ProfileInterpolation
{
    private const int Neighbours = 6;

    /// <summary>Writes the mean of the six nearest profiles, weighted by 1/angle². Far from a lesion profiles change slowly with
    /// the direction; near one the planes are measured.</summary>
    /// <param name="normals">Directions whose profiles are known, P.</param>
    /// <param name="profiles">Their logits <c>[direction, offset]</c>, P rows.</param>
    /// <param name="normal">The direction wanted.</param>
    /// <param name="profile">Destination, one logit an offset.</param>
    public static void Write(ReadOnlySpan<Vector3D> normals, ReadOnlySpan<float> profiles, Vector3D normal, Span<float> profile)
    {
        ArgumentOutOfRangeException.ThrowIfZero(normals.Length, nameof(normals));
        ArgumentOutOfRangeException.ThrowIfNotEqual(profiles.Length, normals.Length * profile.Length, nameof(profiles));
        var nearest = new PriorityQueue<int, double>();
        for (var j = 0; j < normals.Length; j++)
        {
            nearest.Enqueue(j, Math.Abs(normals[j].Dot(normal)));
            if (nearest.Count > Neighbours)
            {
                nearest.Dequeue();
            }
        }

        const double Least = 1e-3; // rad; a known direction all but stands for itself
        var total = 0.0;
        var sums = new double[profile.Length];
        while (nearest.TryDequeue(out var j, out var cosine))
        {
            var angle = Math.Acos(Math.Min(1, cosine)) + Least;
            var weight = 1 / (angle * angle);
            total += weight;
            var row = profiles.Slice(j * profile.Length, profile.Length);
            var mirrored = normals[j].Dot(normal) < 0; // the plane (−n, −s) is the plane (n, s)
            for (var o = 0; o < sums.Length; o++)
            {
                sums[o] += weight * row[mirrored ? row.Length - 1 - o : o];
            }
        }

        for (var o = 0; o < sums.Length; o++)
        {
            profile[o] = (float)(sums[o] / total);
        }
    }
}
