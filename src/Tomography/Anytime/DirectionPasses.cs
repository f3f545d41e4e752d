namespace ToNNO.Tomography.Anytime;

/// <summary>Where work on a volume may stop: after each pass stands a valid heatmap of all directions so far.</summary>
public static class DirectionPasses
{
    /// <summary>Directions of the first pass: lesions stand out from it, if over streaks.</summary>
    public const int Coarse = 32;

    /// <summary>Numbers of directions at the ends of the passes: 32, 48, 64, 96, 128 and so on, and all of them last.</summary>
    /// <remarks>Each pass grows the set by a third or a half: enough to change a heatmap that is not there yet, and little
    /// beyond what was needed. All but the last are whole blocks of the backprojector's.</remarks>
    /// <param name="count">Directions in the whole set.</param>
    public static IReadOnlyList<int> Ends(int count)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        var ends = new List<int>();
        for (var power = Coarse; 4L * count >= 5L * power; power *= 2)
        {
            ends.Add(power);
            if (4L * count >= 5L * (power + (power / 2)))
            {
                ends.Add(power + (power / 2));
            }
        }

        ends.Add(count);
        return ends;
    }
}
