namespace ToNNO.Tomography.Filtering;

/// <summary>What tames the filter's gain at high frequencies.</summary>
public enum FilterWindow
{
    Unspecified = 0,
    None = 1,

    /// <summary>cos(ωh/2).</summary>
    Cosine = 2,

    /// <summary>(1 + cos ωh)/2.</summary>
    Hann = 3,

    /// <summary>sinc^α(ωh/2): at α = 2 the three taps {-1, 2, -1}/h².</summary>
    ThreePoint = 4,
}

/// <summary>The windows by the names that the command line, model cards and sinograms spell them with.</summary>
public static class FilterWindows
{
    private static readonly (FilterWindow Window, string Name)[] _names =
        [(FilterWindow.None, "none"), (FilterWindow.Cosine, "cosine"), (FilterWindow.Hann, "hann"), (FilterWindow.ThreePoint, "3point")];

    public static string Name(this FilterWindow window) => Array.Find(_names, entry => entry.Window == window).Name
        ?? throw new ArgumentOutOfRangeException(nameof(window), window, "Choose none, cosine, hann or 3point.");

    /// <returns>Null where no window has that name.</returns>
    public static FilterWindow? Named(string name) => Array.Find(_names, entry => entry.Name == name) is { Name: not null } found ? found.Window : null;
}
