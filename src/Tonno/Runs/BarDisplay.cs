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
        _bar.Description = Wording.Of(progress);
        _bar.Value = progress.Fraction;
    }

    public void Show(RunProtocol.VolumeConcluded concluded) => AnsiConsole.MarkupLineInterpolated($"{Wording.Of(concluded)}");
}
