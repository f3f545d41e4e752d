using Spectre.Console;

namespace ToNNO.Tonno.Runs;

/// <summary>Shows how far one step of a command is: a bar on a terminal, a line every few seconds elsewhere.</summary>
internal static class StepDisplays
{
    private static readonly TimeSpan LineInterval = TimeSpan.FromSeconds(3);

    /// <summary>Runs <paramref name="work"/> on another thread; it may report, from any thread, the part done (0 to 1) and a text.</summary>
    public static async Task<T> ShowAsync<T>(string name, Func<Action<double, string>, T> work, CancellationToken cancel)
    {
        if (Console.IsOutputRedirected || !AnsiConsole.Profile.Capabilities.Interactive)
        {
            var lines = new Lines(Console.Out, TimeProvider.System);
            return await Task.Run(() => work(lines.Show), cancel).ConfigureAwait(false);
        }

        return await AnsiConsole.Progress()
            .Columns(new TaskDescriptionColumn { Alignment = Justify.Left }, new ProgressBarColumn(), new PercentageColumn())
            .StartAsync(context =>
            {
                var bar = context.AddTask(Markup.Escape(name), maxValue: 1);
                return Task.Run(
                    () =>
                    {
                        var result = work((part, text) => (bar.Value, bar.Description) = (part, Markup.Escape(text)));
                        bar.Value = 1;
                        return result;
                    },
                    cancel);
            }).ConfigureAwait(false);
    }

    private sealed class Lines(TextWriter output, TimeProvider time)
    {
        private readonly Lock _lock = new();
        private long _shown = time.GetTimestamp();

        public void Show(double part, string text)
        {
            lock (_lock)
            {
                if (time.GetElapsedTime(_shown) >= LineInterval)
                {
                    _shown = time.GetTimestamp();
                    output.WriteLine($"  {text}");
                }
            }
        }
    }
}
