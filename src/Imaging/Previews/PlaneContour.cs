namespace ToNNO.Imaging.Previews;

/// <summary>Outlines of the part of a plane that is at or above a level (marching squares).</summary>
internal static class PlaneContour
{
    /// <summary>Closed lines in voxels of the plane: a voxel's centre has whole coordinates.</summary>
    /// <remarks>Around the plane lies a border that is always below, so that a region at the rim is closed too. The
    /// lines are joined from end to end, or a dashed one would start anew in every cell.</remarks>
    public static IReadOnlyList<IReadOnlyList<(float X, float Y)>> Trace(float[] plane, int columns, int rows, double level)
    {
        var stride = columns + 2;
        var next = new Dictionary<int, int>();
        var starts = new List<int>();
        Span<bool> inside = stackalloc bool[4];
        Span<int> exits = stackalloc int[2];
        Span<int> entries = stackalloc int[2];
        for (var y = -1; y < rows; y++)
        {
            for (var x = -1; x < columns; x++)
            {
                // Corners and edges clockwise from the top left; an edge is named by its upper or left end.
                (inside[0], inside[1], inside[2], inside[3]) = (Inside(x, y), Inside(x + 1, y), Inside(x + 1, y + 1), Inside(x, y + 1));
                var corner = ((y + 1) * stride) + x + 1;
                var (exitCount, entryCount, exitFirst) = (0, 0, false);
                for (var side = 0; side < 4; side++)
                {
                    var edge = (2 * corner) + (side switch { 0 => 0, 1 => 3, 2 => 2 * stride, _ => 1 });
                    if (inside[side] && !inside[(side + 1) % 4])
                    {
                        exitFirst |= entryCount == 0 && exitCount == 0;
                        exits[exitCount++] = edge;
                    }
                    else if (!inside[side] && inside[(side + 1) % 4])
                    {
                        entries[entryCount++] = edge;
                    }
                }

                // Walking clockwise, a line leads from where the inside ends back to where it began. In a saddle the
                // two corners inside are parted or joined by the mean of the four.
                var joined = exitCount == 2 && Mean(x, y) >= level;
                for (var line = 0; line < exitCount; line++)
                {
                    var own = exitFirst ? (line + exitCount - 1) % exitCount : line;
                    next[exits[line]] = entries[joined ? (own + 1) % 2 : own];
                    starts.Add(exits[line]);
                }
            }
        }

        var lines = new List<IReadOnlyList<(float X, float Y)>>();
        var seen = new HashSet<int>();
        foreach (var start in starts)
        {
            var line = new List<(float X, float Y)>();
            for (var edge = start; seen.Add(edge); edge = next[edge])
            {
                line.Add(Crossing(edge));
            }

            if (line.Count > 0)
            {
                lines.Add(line);
            }
        }

        return lines;

        double Value(int x, int y) =>
            x >= 0 && y >= 0 && x < columns && y < rows ? plane[(y * columns) + x] : double.NegativeInfinity;

        bool Inside(int x, int y) => Value(x, y) >= level;

        double Mean(int x, int y) => (Value(x, y) + Value(x + 1, y) + Value(x, y + 1) + Value(x + 1, y + 1)) / 4;

        (float X, float Y) Crossing(int edge)
        {
            var (x, y) = ((edge / 2 % stride) - 1, (edge / 2 / stride) - 1);
            var (right, down) = (edge % 2 == 0 ? 1 : 0, edge % 2);
            var (from, to) = (Value(x, y), Value(x + right, y + down));
            var part = double.IsFinite(from) && double.IsFinite(to) ? (level - from) / (to - from) : 0.5;
            return ((float)(x + (part * right)), (float)(y + (part * down)));
        }
    }
}
