using Spectre.Console;
using ToNNO.Contracts;

namespace ToNNO.Tonno.Runs;

/// <summary>A progress bar, for terminals.</summary>
internal sealed class BarDisplay(ProgressContext context) : IRunDisplay
{
    private readonly ProgressTask _bar = context.AddTask("starting", maxValue: 1);

    /// <summary>Runs <paramref name="work"/> under a progress bar.</summary>
    public static Task ShowAsync(IAnsiConsole console, Func<IRunDisplay, Task> work) => console.Progress()
        .Columns(new TaskDescriptionColumn { Alignment = Justify.Left }, new ProgressBarColumn(), new PercentageColumn(), new RemainingTimeColumn())
        .StartAsync(context => work(new BarDisplay(context)));

    public void Show(RunProtocol.RunProgressed progress)
    {
        // Volumes that are not planned yet count as much as the average of those that are.
        var planned = Math.Max(1, progress.Leases);
        var waiting = Math.Max(0, progress.Volumes - Math.Max(1, progress.Concluded));
        _bar.Description = Wording.Of(progress);
        _bar.MaxValue = Math.Max(1, progress.Volumes);
        _bar.Value = progress.Volumes == 0 ? 1 : Math.Min(progress.Volumes, progress.Concluded + Math.Min(waiting, (progress.LeasesDone / (double)planned * progress.Volumes) - progress.Concluded is var ahead && ahead > 0 ? ahead : 0));
    }

    public void Show(RunProtocol.VolumeConcluded concluded) => AnsiConsole.MarkupLineInterpolated($"{Wording.Of(concluded)}");
}
