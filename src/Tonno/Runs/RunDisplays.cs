using Spectre.Console;

namespace ToNNO.Tonno.Runs;

internal static class RunDisplays
{
    private static readonly TimeSpan LineInterval = TimeSpan.FromSeconds(3);

    /// <summary>Runs <paramref name="work"/> with the display that fits: a bar on a terminal, lines elsewhere, nothing where quiet.</summary>
    public static Task ShowAsync(bool quiet, Func<IRunDisplay, Task> work) =>
        quiet ? work(new QuietDisplay())
        : Console.IsOutputRedirected || !AnsiConsole.Profile.Capabilities.Interactive ? work(new LineDisplay(Console.Out, TimeProvider.System, LineInterval))
        : BarDisplay.ShowAsync(AnsiConsole.Console, work);
}
