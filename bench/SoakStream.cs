using System.Diagnostics;
using ToNNO.Contracts;

namespace ToNNO.Bench;

/// <summary>Keeps a cluster in work with runs, and sees them to their ends.</summary>
/// <param name="time">So long it submits new ones.</param>
internal sealed class SoakStream(BenchCluster cluster, SoakOrders orders, TimeSpan time)
{
    /// <summary>Runs at a time: the next is there before the last volumes of one are done.</summary>
    private const int RunsAtOnce = 2;

    /// <summary>So long without a volume done, when nobody is killed any more, and the rest will not come.</summary>
    private static readonly TimeSpan _patience = TimeSpan.FromMinutes(5);

    private static readonly TimeSpan _lookEvery = TimeSpan.FromMilliseconds(250);

    private readonly Stopwatch _clock = new();
    private readonly Dictionary<string, int> _done = [];
    private readonly HashSet<string> _open = [];
    private TimeSpan _lastVolume;

    /// <summary>In the order of their submission.</summary>
    public List<string> Runs { get; } = [];

    public int Volumes => Runs.Count * SoakOrders.Volumes;

    /// <summary>The longest time between one volume's end and the next's, or the beginning's and the first's.</summary>
    public TimeSpan LongestPause { get; private set; }

    /// <summary>From the first submission to the last volume's end.</summary>
    public TimeSpan Elapsed => _lastVolume;

    /// <summary>Returns when all runs have ended, or will not.</summary>
    public async Task RunAsync()
    {
        _clock.Start();
        while (_clock.Elapsed < time || _open.Count > 0)
        {
            if (_clock.Elapsed < time && _open.Count < RunsAtOnce)
            {
                var run = $"run-{Runs.Count:D4}";
                await cluster.SubmitAsync(orders.Make(run));
                Runs.Add(run);
                _open.Add(run);
            }

            foreach (var run in _open.ToList())
            {
                await LookAsync(run);
            }

            if (_clock.Elapsed - Greater(_lastVolume, time) > _patience)
            {
                Console.Error.WriteLine($"No volume has been done for {_patience}: {string.Join(", ", _open)} will not end.\n{cluster.LastLines()}");
                return;
            }

            await Task.Delay(_lookEvery);
        }
    }

    private async Task LookAsync(string run)
    {
        var view = await cluster.ViewAsync(run);
        // A coordinator that has just taken over may not have counted yet.
        if (view.Counts.Total > _done.GetValueOrDefault(run))
        {
            _done[run] = view.Counts.Total;
            LongestPause = Greater(LongestPause, _clock.Elapsed - _lastVolume);
            _lastVolume = _clock.Elapsed;
        }

        if (view.State == RunState.Finished)
        {
            _open.Remove(run);
            Console.Error.WriteLine(FormattableString.Invariant($"{_clock.Elapsed.TotalSeconds:F0} s: {run} has ended, {view.Counts.Completed} volumes completed"));
        }
    }

    private static TimeSpan Greater(TimeSpan one, TimeSpan other) => one > other ? one : other;
}
