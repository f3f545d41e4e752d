using System.Text;
using ToNNO.Contracts;
using ToNNO.ReconActors.Publishing;
using ToNNO.Storage;
using ToNNO.Tests.Support;

namespace ToNNO.ReconActors.Tests.Publishing;

/// <summary>Two publishers of one volume, stopped before each call of the store in turn, as SIGSTOP may do it, and let go on when the other
/// has gone its way.</summary>
public sealed class RacingPublishersTests
{
    private static readonly RunSettings _plain = SmallWork.Settings;
    private static readonly RunSettings _masked = SmallWork.Settings with { Threshold = new(0.5, OfPeak: true) };
    private static readonly RunSettings _other = SmallWork.Settings with { Alpha = 1 };
    /// <summary>Settings of the result that stands before, of the publisher that is stopped, and of the one that goes its way meanwhile.</summary>
    public static TheoryData<string, string, string> Cases => new()
    {
        { "", "plain", "plain" },
        { "masked", "plain", "plain" },
        { "other", "masked", "masked" },
        { "", "plain", "masked" },
        { "", "masked", "plain" },
        { "masked", "masked", "other" },
    };

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task Publish_FrozenAtEachCall_NeverDamagesWhatAnotherFinished(string older, string frozen, string quick)
    {
        for (var at = 0; ; at++)
        {
            var store = await WithOlderAsync(older);
            var (first, second) = (TaskOf(frozen, "run-1"), TaskOf(quick, frozen == quick ? "run-1" : "run-2"));
            await using var stopped = new Stoppable(store, at);
            var publishing = stopped.PublishAsync(first);
            if (!await stopped.ReachedAsync(publishing))
            {
                Assert.InRange(at, 12, 60); // that there were calls to stop at
                return;
            }

            var answer = await PublishAsync(store, second);
            await AssertWholeAsync(store, second);
            var finished = await store.FindAsync("a/result.json", Cancel);
            Assert.Equal(finished, answer.ETag);

            stopped.GoOn();
            var late = await Record.ExceptionAsync(() => publishing);
            if (at == 0 && frozen != quick)
            {
                // It had seen nothing yet: to it, the other's result is an older one.
                Assert.Null(late);
                await AssertWholeAsync(store, first);
                continue;
            }

            Assert.Equal(finished, await store.FindAsync("a/result.json", Cancel));
            await AssertWholeAsync(store, second);
            if (frozen == quick)
            {
                Assert.Equal(answer.ETag, (await publishing).ETag);
            }
            else if (late is not null)
            {
                Assert.Equal(BlobStoreError.Unavailable, Assert.IsType<BlobStoreException>(late).Error);
            }
        }
    }

    /// <summary>Both are stopped, the first goes on and ends, then the second.</summary>
    [Theory]
    [InlineData("", "plain", "plain")]
    [InlineData("masked", "plain", "plain")]
    [InlineData("masked", "plain", "other")]
    [InlineData("other", "masked", "plain")]
    public async Task Publish_BothFrozen_EndWithOneWholeResult(string older, string one, string two)
    {
        for (var at = 0; ; at++)
        {
            for (var then = 1; ; then++)
            {
                var store = await WithOlderAsync(older);
                var (first, second) = (TaskOf(one, "run-1"), TaskOf(two, one == two ? "run-1" : "run-2"));
                await using var a = new Stoppable(store, at);
                await using var b = new Stoppable(store, then);
                var firstPublishing = a.PublishAsync(first);
                if (!await a.ReachedAsync(firstPublishing))
                {
                    Assert.InRange(at, 12, 60);
                    return;
                }

                var before = await StandingAsync(store);
                var secondPublishing = b.PublishAsync(second);
                var bothStopped = await b.ReachedAsync(secondPublishing);
                a.GoOn();
                var firstFailure = await Record.ExceptionAsync(() => firstPublishing);
                if (firstFailure is null && before?.RunId != first.RunId) // else the second may be about to replace it
                {
                    await AssertWholeAsync(store, null);
                }

                b.GoOn();
                var secondFailure = await Record.ExceptionAsync(() => secondPublishing);
                await AssertWholeAsync(store, null);
                Assert.Empty(await store.ListAsync(TemporaryFiles.AttemptsOf(first.VolumeId), Cancel).ToListAsync(Cancel));
                Assert.True(firstFailure is null || secondFailure is null);
                Assert.All(new[] { firstFailure, secondFailure }, failure => Assert.True(failure is null or BlobStoreException { Error: BlobStoreError.Unavailable }, $"{failure}"));
                if (one == two)
                {
                    Assert.Equal((await firstPublishing).ETag, (await secondPublishing).ETag);
                }

                if (!bothStopped)
                {
                    break;
                }
            }
        }
    }

    private static RunSettings Named(string settings) => settings switch { "plain" => _plain, "masked" => _masked, _ => _other };

    private static async Task<MemoryStore> WithOlderAsync(string settings)
    {
        var store = new MemoryStore();
        if (settings.Length > 0)
        {
            await PublishAsync(store, TaskOf(settings, "run-0"));
        }

        return store;
    }

    private static VolumeTask TaskOf(string settings, string run) => SmallWork.Task() with { RunId = new(run), Settings = Named(settings) };

    /// <summary>Publishes files that tell of whom they are.</summary>
    private static async Task<(VolumeResult Result, ETag? ETag)> PublishAsync(IBlobStore store, VolumeTask task)
    {
        var made = 0;
        var (result, tag) = await new ResultPlaces(store, task, Cancel).PublishAsync(async files =>
        {
            made++;
            string[] names = task.Settings.Threshold is null ? ["heatmap.nii.gz", "sinogram.npz"] : ["heatmap.nii.gz", "mask.nii.gz", "sinogram.npz"];
            foreach (var name in names)
            {
                // The same work makes the same bytes, but for what tells of times.
                var content = name == "sinogram.npz" ? $"{name} {task.WorkKey} {task.RunId} {Guid.NewGuid()}" : $"{name} {task.WorkKey}";
                await files.WriteAsync(name, stream => stream.WriteAsync(Encoding.UTF8.GetBytes(content)).AsTask());
            }

            return new VolumeResult
            {
                VolumeId = task.VolumeId,
                RunId = task.RunId,
                WorkKey = task.WorkKey,
                Input = new(["a.nii"], task.SourceSha256, task.Geometry.Shape, []),
                Settings = task.Settings,
                Sampling = new(1, 1, 1, 1, 1, default),
                Slices = new(1, 1, 0, 1),
                Seconds = new(0, 0, 0, 0, 0, 0),
                Heatmaps = [],
                Software = new("", "", "", ""),
                Warnings = [],
                Files = files.Written,
            };
        });
        Assert.InRange(made, 0, 2); // one other publisher can put an end to an attempt once
        return (result, tag);
    }

    private static async Task<VolumeResult?> StandingAsync(MemoryStore store) => await store.FindAsync("a/result.json", Cancel) is null
        ? null
        : Documents.TryParse<VolumeResult>((await store.ReadAsync("a/result.json", Cancel)).Bytes.Span);

    /// <param name="task">Whose result it must be; null for anyone's.</param>
    private static async Task AssertWholeAsync(MemoryStore store, VolumeTask? task)
    {
        var result = await StandingAsync(store);
        Assert.NotNull(result);
        Assert.True(task is null || result.WorkKey == task.WorkKey);
        foreach (var (name, facts) in result.Files)
        {
            Assert.Equal(BlobCondition.Whole, await store.CheckAsync($"a/{name}", facts.Sha256, Cancel));
        }

        Assert.DoesNotContain("result.json", result.Files.Keys);
        Assert.True(task is null || result.RunId == task.RunId);
        Assert.Equal(result.Files.Keys.Append("result.json").Select(name => $"a/{name}").Order(StringComparer.Ordinal), await store.ListAsync("a/", Cancel).ToListAsync(Cancel));
    }

    /// <summary>A publisher that stops before one of its calls of the store.</summary>
    private sealed class Stoppable : IAsyncDisposable
    {
        private readonly TaskCompletionSource _reached = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly TaskCompletionSource _goOn = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly ScriptedStore _store;
        private Task _publishing = Task.CompletedTask;

        public Stoppable(IBlobStore store, int at)
        {
            var calls = 0;
            _store = new ScriptedStore(store)
            {
                Before = _ =>
                {
                    if (calls++ != at)
                    {
                        return Task.CompletedTask;
                    }

                    _reached.SetResult();
                    return _goOn.Task;
                },
            };
        }

        public Task<(VolumeResult Result, ETag? ETag)> PublishAsync(VolumeTask task)
        {
            var publishing = Task.Run(() => RacingPublishersTests.PublishAsync(_store, task), Cancel);
            _publishing = publishing;
            return publishing;
        }

        /// <returns>False where it ended before.</returns>
        public async Task<bool> ReachedAsync(Task publishing) => await Task.WhenAny(publishing, _reached.Task) == _reached.Task;

        public void GoOn() => _goOn.TrySetResult();

        public async ValueTask DisposeAsync()
        {
            GoOn();
            await _publishing.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }
}
