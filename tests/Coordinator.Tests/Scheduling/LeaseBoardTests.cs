using CsCheck;
using ToNNO.Contracts;
using ToNNO.Coordinator.Scheduling;
using ToNNO.Tests.Support;

namespace ToNNO.Coordinator.Tests.Scheduling;

public class LeaseBoardTests
{
    private static readonly RunId _other = new("run-2");
    private static readonly TimeSpan _pause = TimeSpan.FromSeconds(60);
    private readonly LeaseTerms _terms;
    private readonly LeaseBoard _board;

    public LeaseBoardTests()
    {
        _terms = new LeaseTerms(new CoordinatorOptions { SlicesPerLease = 1, LeaseAim = TimeSpan.FromSeconds(1), RefusalPause = _pause });
        _board = new LeaseBoard(_terms);
    }

    [Fact]
    public void Match_NodeHoldsAVolume_GetsThatVolumeBeforeALargerOne()
    {
        Offer("small", edge: 8);
        Offer("large", edge: 16);
        Assert.Equal("small", VolumeOf(Request("e", "small")));
    }

    [Fact]
    public void Match_AnotherEncoderOfTheNodeWorksOnAVolume_JoinsIt()
    {
        Offer("small", edge: 8);
        Offer("large", edge: 16);
        Assert.Equal("small", VolumeOf(Request("node#1/0", "small")));
        Assert.Equal("small", VolumeOf(Request("node#1/1")));
        Assert.Equal("large", VolumeOf(Request("node#2/0")));
    }

    [Fact]
    public void LongestSilence_OfBegunVolumes_IsSinceABlockWasHandedOut()
    {
        Offer("small", edge: 8);
        Assert.Equal(TimeSpan.Zero, _board.LongestSilence(TimeSpan.FromHours(1)));
        Request("e");
        Assert.Equal(TimeSpan.FromHours(1), _board.LongestSilence(TimeSpan.FromHours(1)));
    }

    [Fact]
    public void Match_NothingHeld_LargestThatNobodyWorksOnFirst()
    {
        Offer("small", edge: 8);
        Offer("large", edge: 16);
        Assert.Equal("large", VolumeOf(Request("e1")));
        Assert.Equal("small", VolumeOf(Request("e2")));
    }

    [Fact]
    public void Match_AllVolumesStarted_JoinsTheOneWithMostLeft()
    {
        Offer("small", edge: 8);
        Offer("large", edge: 16);
        Request("e1");
        Request("e2");
        Assert.Equal("large", VolumeOf(Request("e3")));
    }

    [Fact]
    public void Match_TwoRunsHoldAVolumeOfOneName_BothAreEncoded()
    {
        Offer("a");
        Offer("a", run: _other);
        var grants = Enumerable.Range(0, 6).Select(at => Request($"e{at}")!).ToList();
        Assert.Equal(6, grants.Select(grant => (grant.Task.RunId, grant.Directions.First)).Distinct().Count());
        Assert.Null(Request("e6"));
    }

    [Fact]
    public void Backlog_WhatWaitsAndIsOutAndIsNotOfferedYet_CountsAtTheSpeedOfTheRun()
    {
        var task = SmallWork.Task();
        var volume = (double)SmallWork.Directions * task.Plan().OffsetCount;
        Assert.Equal(TimeSpan.Zero, _board.Backlog());
        Offer("a");
        Assert.Equal(volume, _board.Backlog().TotalSeconds, 3); // a slice a second is guessed

        var first = Request("e")!;
        Assert.Equal(volume, _board.Backlog().TotalSeconds, 3);
        _board.Expect(SmallWork.Run, 3);
        Assert.Equal(3 * volume, _board.Backlog().TotalSeconds, 3);
        foreach (var block in task.Leases(first.Directions))
        {
            _board.Close(WorkId.Of(task), block.First, done: true);
        }

        var left = (3 * volume) - ((double)first.Directions.Count * task.Plan().OffsetCount);
        Assert.Equal(left, _board.Backlog().TotalSeconds, 3);
        _terms.Note(SmallWork.Run, "e", 50, TimeSpan.FromSeconds(2));
        Assert.Equal(left / 25, _board.Backlog().TotalSeconds, 3);

        _board.Stand(SmallWork.Run, priority: 0, paused: true);
        Assert.Equal(TimeSpan.Zero, _board.Backlog());
        _board.Stand(SmallWork.Run, priority: 0, paused: false);
        _board.End(SmallWork.Run);
        Assert.Equal(TimeSpan.Zero, _board.Backlog());
        Offer("b");
        Assert.Equal(volume / 25, _board.Backlog().TotalSeconds, 3); // as fast as the run before
    }

    [Fact]
    public void QueueAge_OfVolumesNotBegun_IsSinceTheFirstOfThemCame()
    {
        static TimeSpan Minutes(int minutes) => TimeSpan.FromMinutes(minutes);
        Assert.Equal(TimeSpan.Zero, _board.QueueAge(Minutes(1)));
        foreach (var (name, at) in new[] { ("a", 10), ("b", 20) })
        {
            var task = SmallWork.Task() with { VolumeId = new(name) };
            _board.Add(task, task.Leases(), [], "", Minutes(at));
            _board.Add(task, task.Leases(), [], "", Minutes(at + 5)); // again
        }

        Assert.Equal(Minutes(50), _board.QueueAge(Minutes(60)));
        Assert.Equal("a", VolumeOf(Request("e")!));
        Assert.Equal(Minutes(40), _board.QueueAge(Minutes(60)));
        _board.Stand(SmallWork.Run, priority: 0, paused: true);
        Assert.Equal(TimeSpan.Zero, _board.QueueAge(Minutes(60)));
    }

    [Fact]
    public void Match_RequestRepeated_OneLease()
    {
        _board.Request("e", []);
        _board.Request("e", []);
        Offer("a");
        Assert.Single(Match());
        Assert.Empty(Match());
    }

    [Fact]
    public void Match_SeveralEncoders_LongestWaitingFirst()
    {
        _board.Request("e2", []);
        _board.Request("e1", []);
        _board.Add(SmallWork.Task(), [new(0, 16)], [], "");
        Assert.Equal("e2", Assert.Single(Match()).EncoderId);
    }

    [Fact]
    public void Forget_EncoderGone_GetsNothingAndBlocksNobody()
    {
        _board.Request("gone", []);
        _board.Request("here", []);
        _board.Forget("gone");
        Offer("a");
        Assert.Equal("here", Assert.Single(Match()).EncoderId);
    }

    [Fact]
    public void Withdraw_VolumeDoneWith_NoneOfItsLeases()
    {
        Offer("a");
        _board.Withdraw(new(SmallWork.Run, new("a")));
        Assert.Null(Request("e"));
    }

    [Fact]
    public void Add_RangeThatWaitsAlreadyOrIsOut_GrantedOnce()
    {
        var task = SmallWork.Task();
        _board.Add(task, [new(0, 16)], [], "");
        _board.Add(task, [new(0, 16)], [], "");
        Assert.NotNull(Request("e1"));
        _board.Add(task, [new(0, 16)], [], "");
        Assert.Null(Request("e2"));
    }

    [Fact]
    public void Match_HigherPriority_GoesFirstAndRunsThatArePausedWait()
    {
        Offer("a");
        Offer("b", run: _other);
        _board.Stand(_other, priority: 1, paused: false);
        Assert.Equal("b", VolumeOf(Request("e1", "a")));
        _board.Stand(_other, priority: 1, paused: true);
        Assert.Equal("a", VolumeOf(Request("e2", "b")));
        _board.Stand(SmallWork.Run, priority: 0, paused: true);
        Assert.Null(Request("e3"));
    }

    [Fact]
    public void Match_SmallRunBesideALargeOne_HasItsTurnAtOnce()
    {
        for (var volume = 0; volume < 50; volume++)
        {
            Offer($"large-{volume}", edge: 32);
        }

        for (var lease = 0; lease < 30; lease++)
        {
            Request($"e{lease}");
        }

        Offer("small", edge: 32, run: _other);
        var next = Enumerable.Range(0, 6).Select(at => VolumeOf(Request($"f{at}"))!).ToList();
        Assert.Equal("small", next[0]);
        Assert.Equal(3, next.Count(volume => volume == "small"));
    }

    [Fact]
    public void Match_RunThatComesLater_DoesNotStarveTheFormer()
    {
        Offer("a", edge: 32);
        for (var lease = 0; lease < 3; lease++)
        {
            Request($"e{lease}");
        }

        for (var volume = 0; volume < 20; volume++)
        {
            Offer($"new-{volume}", edge: 32, run: _other);
        }

        Offer("b", edge: 32);
        var firstFour = Enumerable.Range(0, 4).Select(at => VolumeOf(Request($"f{at}"))!).ToList();
        Assert.Contains("b", firstFour);
    }

    [Fact]
    public void Match_SpeedKnown_LeaseIsAsManyBlocksAsItMakesInTheTimeAimedAt()
    {
        var task = SmallWork.Task(leaseDirections: 4); // 12 blocks
        var slices = 4 * task.Plan().OffsetCount;
        _board.Add(task, task.Leases(), [], "");
        Offer("less", edge: 4);
        Offer("too", edge: 4);
        Assert.Equal(4, Request("e")!.Directions.Count);
        _terms.Note(task.RunId, "e", slices, TimeSpan.FromSeconds(1.0 / 3));
        Assert.Equal(new DirectionRange(4, 12), Request("e")!.Directions);
        Assert.Equal(new DirectionRange(16, 12), Request("f", "a")!.Directions); // as fast as the others, until it shows
    }

    [Fact]
    public void Match_LittleLeft_LeasesAreShorterSoThatAllHaveAPart()
    {
        var task = SmallWork.Task(leaseDirections: 4);
        _terms.Note(task.RunId, "e0", task.Plan().OffsetCount * 400, TimeSpan.FromSeconds(1));
        for (var encoder = 0; encoder < 3; encoder++)
        {
            _board.Request($"e{encoder}", []);
        }

        _board.Add(task, task.Leases(), [], "");
        Assert.Equal([8, 4, 4], Match().Select(grant => grant.Directions.Count));
    }

    [Fact]
    public void Match_PassesAndMaps_SingleBlocks()
    {
        var task = SmallWork.Task(leaseDirections: 8);
        task = task with { Settings = task.Settings with { Passes = new(0.1, false) } };
        _terms.Note(task.RunId, "e", 1_000_000, TimeSpan.FromSeconds(1));
        _board.Add(task, task.Leases(new(0, 48)), [], "");
        Assert.Equal(8, Request("e")!.Directions.Count);
    }

    [Fact]
    public void Alone_VolumeIsSuspect_OnAnotherIdleNodeThatGetsNothingElse()
    {
        Offer("big", edge: 32);
        _board.Request("a#1/0", []);
        Match();
        _board.Request("b#1/0", []);
        Match();
        Offer("suspect", suspects: [16], diedOn: "a#0");
        Assert.Null(Request("b#1/1")); // kept, but not empty
        Assert.Equal("big", VolumeOf(Request("a#1/1")));
        CloseAll("b#1/0", done: true);
        var grant = Assert.Single(Match());
        Assert.Equal(("b#1/1", true, new DirectionRange(16, 16)), (grant.EncoderId, grant.Alone, grant.Directions));
        Offer("big-2", edge: 32);
        Assert.Null(Request("b#1/0"));
        Close(grant, done: true);
        Assert.NotEmpty(Match()); // beyond suspicion: the node is free for all
    }

    [Fact]
    public void Alone_OneNodeLeft_SuspectIsEncodedThereAndOthersHaveTheirTurn()
    {
        Offer("other", edge: 32);
        Offer("s1", suspects: [0], diedOn: "a#1");
        Offer("s2", suspects: [0], diedOn: "a#1");
        var order = new List<string>();
        while (Request("a#1/0") is { } grant)
        {
            order.Add(grant.Task.VolumeId.Value);
            Close(grant, done: true);
        }

        Assert.Equal(9, order.Count);
        Assert.Equal("s1", order[0]);
        Assert.NotEqual("s2", order[1]);
        Assert.Contains("s2", order);
    }

    [Fact]
    public void Alone_TheNodeDies_SuspectGoesToTheNext()
    {
        Offer("s", suspects: [0], diedOn: "z#1");
        Assert.True(Request("a#1/0")!.Alone);
        Assert.True(Assert.Single(_board.Forget("a#1/0")).Suspect);
        Offer("s", suspects: [0], diedOn: "a#1");
        Assert.Equal("b#1/0", Request("b#1/0")!.EncoderId);
    }

    [Fact]
    public void Alone_NodeFallsSilent_SuspectGoesToAnother()
    {
        Offer("s", suspects: [0], diedOn: "z#1");
        var grant = Request("a#1/0")!;
        Assert.Single(_board.Overdue(TimeSpan.FromDays(1)));
        Close(grant, done: false);
        Offer("s", suspects: [0], diedOn: "z#1");
        Assert.True(Request("b#1/0")!.Alone);
    }

    [Fact]
    public void Alone_RunPausedOrVolumeWithdrawn_NodeIsFreeForOthers()
    {
        Offer("s", run: _other, suspects: [0], diedOn: "z#1");
        Offer("big", edge: 32);
        Assert.True(Request("a#1/0")!.Alone);
        Assert.Null(Request("a#1/1"));
        _board.Withdraw(new(_other, new("s")));
        Assert.Equal("big", Assert.Single(Match()).Task.VolumeId.Value);
    }

    [Fact]
    public void Died_NodeOfTwoEncoders_AllThatBothHadIsLostAndSuspect()
    {
        Offer("v");
        Request("a#1/0");
        Request("a#1/1");
        Assert.Equal([0, 16], _board.Forget("a#1/0").Where(lost => lost.Suspect).Select(lost => lost.Lease.Block.First).Order());
        Assert.Empty(_board.Forget("a#1/1"));
        _board.Request("b#1/0", []);
        Assert.Empty(Match()); // what is left of the volume waits until it is known what to suspect
    }

    [Fact]
    public void Died_AtWorkThatWasWithdrawn_OthersAreNotSuspectUntilALaterBlockIsDone()
    {
        Offer("poison");
        Request("a#1/0");
        _board.Withdraw(new(SmallWork.Run, new("poison"))); // set aside; its encoder is still at it
        Offer("v");
        Request("a#1/0");
        Assert.False(Assert.Single(_board.Forget("a#1/0")).Suspect);

        Offer("poison");
        Request("b#1/0");
        _board.Withdraw(new(SmallWork.Run, new("poison")));
        Offer("v");
        Close(Request("b#1/0")!, done: true);
        Request("b#1/0");
        Assert.True(Assert.Single(_board.Forget("b#1/0")).Suspect);
    }

    [Fact]
    public void Leave_EncoderWithLeases_NothingIsSuspectAndTheNodesOthersStay()
    {
        Offer("v");
        Request("a#1/0");
        Request("a#1/1");
        _board.Leave("a#1/0");
        Assert.False(Assert.Single(_board.Forget("a#1/0")).Suspect);
        Assert.Single(_board.Out);
    }

    /// <summary>Random offers, requests, answers, deaths, departures, pauses and withdrawals: a range is in one encoder's hands at a time, a
    /// suspect has its node to itself, no encoder idles beside open work, and in the end all is encoded once.</summary>
    [Fact]
    public void Match_NodeRefusedAVolume_GetsTheNextOneAndOthersGetThat()
    {
        Offer("small", edge: 8);
        Offer("large", edge: 16);
        Refuse(Request("bad#1/0")!);
        Assert.Equal("small", VolumeOf(Request("bad#1/0", "large")));
        Assert.Equal("large", VolumeOf(Request("good#1/0")));
    }

    [Fact]
    public void Match_NodeRefusedAllVolumes_GetsNothingAndOthersGoOn()
    {
        Offer("a");
        Refuse(Request("bad#1/0")!);
        Assert.Null(Request("bad#1/1"));
        Assert.Equal("a", VolumeOf(Request("good#1/0")));
        Assert.Null(Request("bad#1/0"));
    }

    [Fact]
    public void TakeRefused_ByAllNodesThatStayForLongEnough_TakesWhatWaitsOnce()
    {
        Offer("a");
        var (first, second) = (Request("one#1/0")!, Request("two#1/0")!);
        Request("leaves#1/0");
        Refuse(first);
        Refuse(second);
        Assert.Empty(_board.TakeRefused(2 * _pause));
        _board.Leave("leaves#1/0");
        Assert.Empty(_board.TakeRefused(2 * _pause));
        Assert.Empty(_board.TakeRefused((3 * _pause) - TimeSpan.FromSeconds(1)));
        var refused = Assert.Single(_board.TakeRefused(3 * _pause));
        Assert.Equal((WorkId.Of(first.Task), 2, true), (refused.Work, refused.Nodes, refused.Blocks.Contains(first.Directions) && refused.Blocks.Contains(second.Directions)));
        Assert.Empty(_board.TakeRefused(9 * _pause));
        Assert.Null(Request("one#1/0"));
        _board.Add(first.Task, refused.Blocks, [], "");
        Assert.Equal("a", VolumeOf(Match().Single()));
    }

    [Fact]
    public void TakeRefused_TheOnlyOneThatHadNotIsGoneAndBackInTime_TakesNothingAndItGetsTheVolume()
    {
        Offer("a");
        Refuse(Request("bad#1/0")!);
        _board.Request("good#1/0", []);
        Assert.Empty(_board.TakeRefused(_pause));
        _board.Forget("good#1/0");
        Assert.Empty(_board.TakeRefused(2 * _pause));
        Assert.Equal("a", VolumeOf(Request("good#2/0")));
        Assert.Empty(_board.TakeRefused(9 * _pause));
        _board.Forget("good#2/0");
        Assert.Empty(_board.TakeRefused(9 * _pause));
        Assert.Single(_board.TakeRefused(10 * _pause));
    }

    [Fact]
    public void Match_SuspectRefusedByTheNodeKeptForIt_AnotherIsKept()
    {
        Offer("a", suspects: [0], diedOn: "dead#1");
        _board.Request("bad#1/0", []);
        var alone = Match().Single();
        Assert.True(alone.Alone);
        Refuse(alone, suspects: [0]);
        Assert.Empty(Match());
        Assert.Equal(("good#1/0", true), Request("good#1/0") is { } grant ? (grant.EncoderId, grant.Alone) : default);
    }

    [Fact]
    public void Match_RandomHistory_NothingIsLostOrGrantedTwiceAndSuspectsAreAlone() => Gen.Int[0, 13].Array[1, 120].Sample(steps => new History(steps).Play());

    /// <summary>Runs of one priority with volumes of random sizes, encoders of random speeds: while all have work, none is behind another
    /// by more than a lease for each encoder, and one of the largest.</summary>
    [Fact]
    public void Match_RunsOfOnePriority_WorkHandedOutStaysAsFarApartAsALeaseForEachEncoder() => Gen.Int[1, 1_000_000].Sample(seed =>
    {
        var random = new Random(seed);
        var (runs, encoders) = (random.Next(2, 5), random.Next(1, 9));
        var board = new LeaseBoard(new LeaseTerms(new CoordinatorOptions { SlicesPerLease = 1 }));
        var served = new double[runs];
        var largest = 0.0;
        for (var run = 0; run < runs; run++)
        {
            for (var volume = 0; volume < 40; volume++)
            {
                var task = Task($"{run}-{volume}", random.Next(4, 33), new($"r{run}"));
                largest = Math.Max(largest, 16.0 * task.Geometry.Shape.VoxelCount);
                board.Add(task, task.Leases(), [], "");
            }
        }

        var held = Enumerable.Range(0, encoders).Select(_ => new List<VolumeId>()).ToArray();
        for (var lease = 0; lease < 100; lease++)
        {
            var encoder = random.Next(encoders);
            board.Request($"e{encoder}", [.. held[encoder].TakeLast(3)]);
            var grant = Assert.Single(board.Match(TimeSpan.Zero));
            held[encoder].Add(grant.Task.VolumeId);
            served[int.Parse(grant.Task.RunId.Value.AsSpan(1), System.Globalization.CultureInfo.InvariantCulture)] += (double)grant.Directions.Count * grant.Task.Geometry.Shape.VoxelCount;
            board.Close(WorkId.Of(grant.Task), grant.Directions.First, done: true);
        }

        Assert.InRange(served.Max() - served.Min(), 0, (encoders + 1) * largest);
    });

    private static VolumeTask Task(string id, int edge = 8, RunId? run = null) => SmallWork.Task(id, edge) with { RunId = run ?? SmallWork.Run };

    private void Offer(string id, int edge = 8, RunId? run = null, int[]? suspects = null, string diedOn = "")
    {
        var task = Task(id, edge, run);
        _board.Add(task, SmallWork.Leases(task), suspects ?? [], diedOn);
    }

    private IReadOnlyList<LeaseBoard.Grant> Match() => _board.Match(TimeSpan.Zero);

    private LeaseBoard.Grant? Request(string encoder, params string[] cached)
    {
        _board.Request(encoder, [.. cached.Select(id => new VolumeId(id))]);
        return Match().SingleOrDefault();
    }

    private void Close(LeaseBoard.Grant grant, bool done) => Assert.NotNull(_board.Close(WorkId.Of(grant.Task), grant.Directions.First, done));

    /// <summary>The encoder gives the lease back for want of something; it waits again.</summary>
    private void Refuse(LeaseBoard.Grant grant, int[]? suspects = null)
    {
        _board.Refuse(_board.Close(WorkId.Of(grant.Task), grant.Directions.First, done: false)!);
        _board.Add(grant.Task, [grant.Directions], suspects ?? [], "");
    }

    private void CloseAll(string encoder, bool done)
    {
        foreach (var lease in _board.Out.Where(lease => lease.Seat.Id == encoder).ToList())
        {
            _board.Close(lease.Work, lease.Block.First, done);
        }
    }

    private static string? VolumeOf(LeaseBoard.Grant? grant) => grant?.Task.VolumeId.Value;

    /// <summary>A board and what it should hold.</summary>
    private sealed class History(int[] steps)
    {
        private readonly LeaseBoard _board = new(new LeaseTerms(new CoordinatorOptions { SlicesPerLease = 1, RefusalPause = TimeSpan.Zero }));
        private readonly Random _random = new(steps.Aggregate(17, (seed, step) => unchecked((seed * 31) + step)));
        private readonly HashSet<string> _free = [];
        private readonly HashSet<(WorkId Work, int First)> _open = [];
        private readonly Dictionary<(WorkId Work, int First), string> _out = [];
        private readonly HashSet<(WorkId Work, int First)> _suspects = [];
        private readonly HashSet<RunId> _paused = [];
        private readonly List<(WorkId Work, int First)> _done = [];
        private int _offered;
        private int _refused;
        private int _next;

        public void Play()
        {
            foreach (var step in steps)
            {
                Step(step);
                Match();
            }

            _paused.ToList().ForEach(run => _board.Stand(run, 0, paused: false));
            _paused.Clear();
            for (var turn = 0; _open.Count + _out.Count > 0; turn++)
            {
                Assert.True(turn < 1000, "work is left that no encoder gets");
                Assert.Empty(_board.Overdue(TimeSpan.FromSeconds(turn)));
                Ask(turn % 2 == 0 ? $"last#1/{_random.Next(2)}" : $"n{_random.Next(3)}#1/{_random.Next(2)}");
                Match();
                if (turn < 20 && _out.Count > 0 && _random.Next(2) == 0)
                {
                    Refuse(_out.Keys.First());
                }

                _out.Keys.ToList().ForEach(Finish);
                Match();
            }

            Assert.Equal(_done.Count, _done.Distinct().Count());
        }

        private void Step(int step)
        {
            var encoder = $"n{_random.Next(3)}#1/{_random.Next(2)}";
            var task = Task($"v{_random.Next(4)}", run: new($"r{_random.Next(2)}"));
            switch (step)
            {
                case < 3:
                    var first = 16 * _offered++;
                    _board.Add(task, [new(first, 16)], SuspectsOf(task), "n0#1");
                    _open.Add((WorkId.Of(task), first));
                    break;
                case < 6:
                    Ask(encoder);
                    break;
                case < 9 when _out.Count > 0:
                    Finish(_out.Keys.ElementAt(_random.Next(_out.Count)));
                    break;
                case > 11 when _out.Count > 0:
                    Refuse(_out.Keys.ElementAt(_random.Next(_out.Count)));
                    break;
                case 9:
                    Die(encoder);
                    break;
                case 10:
                    var paused = _random.Next(2) == 0;
                    _board.Stand(task.RunId, 0, paused);
                    _ = paused ? _paused.Add(task.RunId) : _paused.Remove(task.RunId);
                    break;
                case 11 when _next++ % 3 == 0:
                    _board.Withdraw(WorkId.Of(task));
                    _open.RemoveWhere(block => block.Work == WorkId.Of(task));
                    _suspects.RemoveWhere(block => block.Work == WorkId.Of(task));
                    _out.Keys.Where(block => block.Work == WorkId.Of(task)).ToList().ForEach(block => _out.Remove(block));
                    break;
            }
        }

        private void Ask(string encoder)
        {
            _board.Request(encoder, [new($"v{_random.Next(4)}")]);
            _free.Add(encoder);
        }

        private void Finish((WorkId Work, int First) block)
        {
            Assert.NotNull(_board.Close(block.Work, block.First, done: true));
            Assert.True(_out.Remove(block));
            _suspects.Remove(block);
            _done.Add(block);
        }

        /// <summary>A block comes back for want of something; where every node has refused its volume, all that waits of it, and it is offered anew.</summary>
        private void Refuse((WorkId Work, int First) block)
        {
            var lease = _board.Close(block.Work, block.First, done: false)!;
            _board.Refuse(lease);
            _refused++;
            Assert.True(_out.Remove(block));
            _board.Add(lease.Offer.Task, [lease.Block], SuspectsOf(lease.Offer.Task), "n0#1");
            _open.Add(block);
            OfferRefused();
        }

        private void OfferRefused()
        {
            foreach (var refused in _board.TakeRefused(TimeSpan.Zero))
            {
                Assert.Equal(_open.Where(open => open.Work == refused.Work).Select(open => open.First).Order(), refused.Blocks.Select(taken => taken.First).Order());
                var task = Task(refused.Work.Volume.Value, run: refused.Work.Run);
                _board.Add(task, refused.Blocks, SuspectsOf(task), "n0#1");
            }
        }

        private void Die(string encoder)
        {
            var (node, known) = (EncoderNode.IdOf(encoder), _board.Encoders);
            var lost = _board.Forget(encoder);
            if (_board.Encoders == known)
            {
                Assert.Empty(lost);
                return;
            }

            Assert.DoesNotContain(_board.Out, lease => lease.Seat.Node.Id == node);
            _free.RemoveWhere(free => EncoderNode.IdOf(free) == node);
            foreach (var (lease, suspect) in lost)
            {
                Assert.True(_out.Remove((lease.Work, lease.Block.First)));
                _open.Add((lease.Work, lease.Block.First));
                if (suspect)
                {
                    _suspects.Add((lease.Work, lease.Block.First));
                }
            }

            foreach (var lease in lost)
            {
                var task = lease.Lease.Offer.Task;
                _board.Add(task, [lease.Lease.Block], SuspectsOf(task), node);
            }
        }

        private int[] SuspectsOf(VolumeTask task) => [.. _suspects.Where(block => block.Work == WorkId.Of(task)).Select(block => block.First)];

        private void Match()
        {
            OfferRefused();
            foreach (var grant in _board.Match(TimeSpan.Zero))
            {
                var block = (WorkId.Of(grant.Task), grant.Directions.First);
                Assert.True(_free.Remove(grant.EncoderId), $"{grant.EncoderId} was not free");
                Assert.True(_open.Remove(block), $"{block} was not open");
                Assert.True(_out.TryAdd(block, grant.EncoderId), $"{block} was out");
                Assert.DoesNotContain(grant.Task.RunId, _paused);
                Assert.Equal(_suspects.Contains(block), grant.Alone);
                Assert.True(grant.Alone || _suspects.All(suspect => suspect.Work != block.Item1), "a part of a suspect volume went to anybody");
            }

            foreach (var (block, encoder) in _out.Where(out_ => _suspects.Contains(out_.Key)))
            {
                Assert.Single(_out.Values, other => EncoderNode.IdOf(other) == EncoderNode.IdOf(encoder));
                Assert.True(_out[block] == encoder);
            }

            var anybody = _open.Count(block => !_paused.Contains(block.Work.Run) && _suspects.All(suspect => suspect.Work != block.Work));
            Assert.True(anybody == 0 || _free.Count == 0 || _suspects.Count > 0 || _refused > 0, "an encoder idles beside open work");
        }
    }
}
