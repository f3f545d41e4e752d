using CsCheck;
using ToNNO.Contracts;
using ToNNO.Coordinator.Volumes;
using ToNNO.Tests.Support;

namespace ToNNO.Coordinator.Tests.Volumes;

public class SlabFeedTests
{
    private static readonly VolumeTask _task = SmallWork.Task();
    private static readonly IReadOnlyList<DirectionRange> _leases = SmallWork.Leases(_task);

    [Fact]
    public void Send_LaterRowsFirst_WaitsForTheFirst()
    {
        var feed = SlabFeed.Of(SmallWork.Directions, 1).Stored(_leases[1], SmallWork.Blob("1"));
        Assert.Empty(feed.Send().Errands);
        Assert.Equal(_leases[0], Assert.Single(feed.Stored(_leases[0], SmallWork.Blob("0")).Send().Errands).Range);
    }

    [Fact]
    public void Send_AskedAlready_NotAgainUntilOverdue()
    {
        var (asked, _) = SlabFeed.Of(SmallWork.Directions, 1).Stored(_leases[0], SmallWork.Blob("0")).Send();
        Assert.Empty(asked.Send().Errands);
        Assert.Single(asked.Overdue(0).Send().Errands);
    }

    [Fact]
    public void Applied_SlabBegunAnew_FedFromTheStart()
    {
        var feed = _leases.Aggregate(SlabFeed.Of(SmallWork.Directions, 1), (feed, lease) => feed.Stored(lease, SmallWork.Blob($"{lease.First}")));
        var (stood, _) = feed.Applied(0, 32).Send();
        Assert.Equal(_leases[0], Assert.Single(stood.Applied(0, 0).Send().Errands).Range);
    }

    [Fact]
    public void Completed_LateAnswers_ChangeNothing()
    {
        var done = SlabFeed.Of(SmallWork.Directions, 1).Completed(0, SmallWork.Blob("voxels"), TimeSpan.FromSeconds(1));
        Assert.True(done.Complete);
        Assert.Same(done, done.Applied(0, 0).Overdue(0).Completed(0, SmallWork.Blob("other"), TimeSpan.Zero));
        Assert.Empty(done.Stored(_leases[0], SmallWork.Blob("0")).Send().Errands);
    }

    /// <summary>Slabs that answer late, twice, not at all, or lose all they had, and rows that come in any order.</summary>
    [Fact]
    public void Send_RandomInterleavings_EverySlabAppliesAllLeasesInOrderAndCompletes() => Gen.Int.Sample(
        seed =>
        {
            const int SlabCount = 3;
            const int Leases = 6;
            var random = new Random(seed);
            var ranges = Enumerable.Range(0, Leases).Select(index => new DirectionRange(16 * index, 16)).ToArray();
            random.Shuffle(ranges);
            var unstored = new Queue<DirectionRange>(ranges);
            var slabs = Enumerable.Range(0, SlabCount).Select(_ => new Slab()).ToArray();
            var post = new List<Func<SlabFeed, SlabFeed>>(); // answers under way
            var feed = SlabFeed.Of(16 * Leases, SlabCount);
            var mischief = 60;
            for (var step = 0; !feed.Complete; step++)
            {
                Assert.True(step < 5000, "the slabs never complete");
                (feed, var errands) = feed.Send();
                foreach (var (slab, range, _) in errands)
                {
                    if (mischief > 0 && random.Next(5) == 0)
                    {
                        mischief--;
                        continue; // lost on its way
                    }

                    post.Add(slabs[slab].Ask(slab, range, 16 * Leases));
                }

                switch (random.Next(6))
                {
                    case 0 when unstored.TryDequeue(out var range):
                        feed = feed.Stored(range, SmallWork.Blob($"{range.First}"));
                        break;
                    case 1 when mischief > 0:
                        mischief--;
                        slabs[random.Next(SlabCount)].Restart();
                        break;
                    case 2:
                        feed = feed.Overdue(random.Next(SlabCount));
                        break;
                    default:
                        if (post.Count > 0)
                        {
                            var next = random.Next(post.Count);
                            feed = post[next](feed);
                            if (mischief-- <= 0 || random.Next(4) > 0)
                            {
                                post.RemoveAt(next); // else it arrives once more
                            }
                        }

                        break;
                }
            }

            Assert.All(slabs, slab => Assert.True(slab.Completions >= 1));
        },
        iter: 500);

    /// <summary>What a slab's actor does with what it is sent.</summary>
    private sealed class Slab
    {
        private int _next;

        public int Completions { get; private set; }

        public void Restart() => _next = 0;

        public Func<SlabFeed, SlabFeed> Ask(int index, DirectionRange range, int directions)
        {
            if (range.First == _next)
            {
                _next = range.End;
            }

            if (_next == directions)
            {
                Completions++;
                _next = 0; // passivated
                return feed => feed.Completed(index, SmallWork.Blob($"slab-{index}"), TimeSpan.Zero);
            }

            var next = _next;
            return feed => feed.Applied(index, next);
        }
    }
}
