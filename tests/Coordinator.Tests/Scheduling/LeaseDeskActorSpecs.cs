using Akka.Actor;
using Akka.TestKit;
using ToNNO.Contracts;
using ToNNO.Coordinator.Scheduling;
using ToNNO.Coordinator.Volumes;
using ToNNO.Tests.Support;
using static ToNNO.Coordinator.Scheduling.LeaseProtocol;

namespace ToNNO.Coordinator.Tests.Scheduling;

public class LeaseDeskActorSpecs : VirtualTimeSpecs
{
    private const string Encoder = "tcp://here#1/0";
    private static readonly VolumeTask _task = SmallWork.Task();
    private static readonly DirectionRange _block = new(0, 16);
    private readonly CoordinatorOptions _options = new() { LeaseDeadline = TimeSpan.FromSeconds(90), ShortestLeaseDeadline = TimeSpan.FromSeconds(10), SlicesPerLease = 1, RefusalPause = TimeSpan.FromSeconds(3) };
    private readonly TestProbe _owner;
    private readonly TestProbe _encoder;
    private readonly IActorRef _desk;

    public LeaseDeskActorSpecs()
    {
        (_owner, _encoder) = (CreateTestProbe(), CreateTestProbe());
        _desk = Sys.ActorOf(Props.Create(() => new LeaseDeskActor(_options)));
    }

    [Fact]
    public void Request_WorkThere_EncoderGetsTheLeaseFromItsOwner()
    {
        Offer(_block);
        Request();
        Assert.Equal(new LeaseStarted(_block, _encoder.Ref), _owner.ExpectMsg<LeaseStarted>());
        Assert.Equal(_block, _encoder.ExpectMsg<SliceProtocol.EncodeLease>().Directions);
        Assert.Equal(_owner.Ref, _encoder.LastSender);
    }

    [Fact]
    public void Offer_EncoderIsGone_NotHandedToIt()
    {
        Request();
        Kill();
        Offer(_block);
        ExpectNothing(_owner, _desk);
    }

    [Fact]
    public void Offer_RangeThatWaitsAlready_OtherVolumesGoOn()
    {
        Offer(_block);
        Offer(_block);
        Request();
        _encoder.ExpectMsg<SliceProtocol.EncodeLease>();
        Request();
        ExpectNothing(_encoder, _desk);
    }

    [Fact]
    public void Withdrawn_LeasesOpen_NoneHandedOut()
    {
        Offer(_block);
        _desk.Tell(new LeasesWithdrawn(WorkId.Of(_task)));
        Request();
        ExpectNothing(_encoder, _desk);
    }

    [Fact]
    public void Overdue_SpeedUnknown_OwnerHearsAfterTheLongDeadlineWhoKeptSilent()
    {
        Hand();
        Wait(_options.LeaseDeadline - _options.LookAtLeasesEvery);
        ExpectNothing(_owner, _desk);
        Wait(_options.LookAtLeasesEvery);
        Same(new LeasesLost([_block], LeaseLoss.Overdue, [], Encoder, _options.LeaseDeadline));
    }

    [Fact]
    public void Overdue_SpeedKnown_OwnerHearsAfterTheShortOne()
    {
        Hand();
        _desk.Tell(new LeaseClosed(WorkId.Of(_task), _block, Done: true, TimeSpan.FromMilliseconds(1)));
        Hand(new(16, 16));
        Wait(_options.ShortestLeaseDeadline);
        Same(new LeasesLost([new(16, 16)], LeaseLoss.Overdue, [], Encoder, _options.ShortestLeaseDeadline));
    }

    [Fact]
    public void Closed_BeforeTheDeadline_NothingIsOverdue()
    {
        Hand();
        _desk.Tell(new LeaseClosed(WorkId.Of(_task), _block, Done: true, Elapsed: null));
        Wait(2 * _options.LeaseDeadline);
        ExpectNothing(_owner, _desk);
    }

    [Fact]
    public void Terminated_WithoutAWord_NodeHasDiedOfTheBlocksInHand()
    {
        Hand();
        Kill();
        Same(new LeasesLost([_block], LeaseLoss.Died, [0], "tcp://here#1", TimeSpan.Zero));
        Assert.Equal((0, 1), (Described().Encoders, Described().Deaths));
    }

    [Fact]
    public void Terminated_TwoEncodersOfANode_OneDeath()
    {
        var other = CreateTestProbe();
        Offer(_block, new(16, 16));
        _desk.Tell(new SliceProtocol.RequestLease("tcp://here#1/1", []), other.Ref);
        other.ExpectMsg<SliceProtocol.EncodeLease>();
        Request();
        _encoder.ExpectMsg<SliceProtocol.EncodeLease>();
        _owner.ReceiveN(2);
        Kill();
        Assert.Equal([0, 16], _owner.ExpectMsg<LeasesLost>().Suspects.Order());
        Watch(other.Ref);
        Sys.Stop(other.Ref);
        ExpectTerminated(other.Ref);
        ExpectNothing(_owner, _desk);
        Assert.Equal(1, Described().Deaths);
    }

    [Fact]
    public void Leaving_LeaseGivenBack_GoesToAnotherAndTheEndIsNoDeath()
    {
        Hand();
        _desk.Tell(new SliceProtocol.EncoderLeaving(Encoder, [new ReturnedLease(_task.RunId, _task.VolumeId, _block)]), _encoder.Ref);
        Assert.Equal(Encoder, _encoder.ExpectMsg<SliceProtocol.EncoderMayLeave>().EncoderId);
        Same(new LeasesLost([_block], LeaseLoss.Returned, [], Encoder, _options.LeaseDeadline));
        Kill();
        ExpectNothing(_owner, _desk);
        Assert.Equal(0, Described().Deaths);
    }

    [Fact]
    public void Leaving_ThenItsEncoderAsksAgain_GetsNothing()
    {
        Request();
        _desk.Tell(new SliceProtocol.EncoderLeaving(Encoder, []), _encoder.Ref);
        _encoder.ExpectMsg<SliceProtocol.EncoderMayLeave>();
        Request();
        Offer(_block);
        ExpectNothing(_encoder, _desk);
    }

    [Fact]
    public void RunHeld_ThenNotAnyLonger_LeasesWaitAndGoOn()
    {
        var run = CreateTestProbe();
        _desk.Tell(new VolumeProtocol.RunStands(_task.RunId, 0, Held: true), run.Ref);
        Offer(_block);
        Request();
        ExpectNothing(_encoder, _desk);
        _desk.Tell(new VolumeProtocol.RunStands(_task.RunId, 0, Held: false), run.Ref);
        _encoder.ExpectMsg<SliceProtocol.EncodeLease>();
    }

    [Fact]
    public void RunEnds_LeasesOpen_NoneHandedOut()
    {
        var run = CreateTestProbe();
        _desk.Tell(new VolumeProtocol.RunStands(_task.RunId, 0, Held: false), run.Ref);
        Offer(_block);
        Settle(_desk);
        Watch(run.Ref);
        Sys.Stop(run.Ref);
        ExpectTerminated(run.Ref);
        Request();
        ExpectNothing(_encoder, _desk);
    }

    [Fact]
    public void Request_BlockThatNeverArrived_GoesOutAgainWhenTheEncoderHasTwiceNotToldOfIt()
    {
        Hand();
        Tell();
        Wait(TimeSpan.FromSeconds(5));
        Tell(new ReturnedLease(_task.RunId, _task.VolumeId, _block));
        Wait(TimeSpan.FromSeconds(9));
        Tell(); // missed from now on
        Wait(TimeSpan.FromSeconds(9));
        Tell();
        ExpectNothing(_owner, _desk);
        Wait(TimeSpan.FromSeconds(1));
        Tell();
        var lost = _owner.ExpectMsg<LeasesLost>();
        Assert.Equal((LeaseLoss.Returned, _block), (lost.Loss, Assert.Single(lost.Blocks)));
        Assert.Equal(0, Described().Out);

        void Tell(params ReturnedLease[] inHand) => _desk.Tell(new SliceProtocol.RequestLease(Encoder, [], inHand), _encoder.Ref);
    }

    [Fact]
    public void Closed_RefusedByTheOnlyNode_OwnerGetsBackWhatWaitsAndMayOfferItAnew()
    {
        DirectionRange next = new(16, 16);
        Hand();
        _desk.Tell(new LeaseClosed(WorkId.Of(_task), _block, Done: false, Elapsed: null, "file.missing"), _owner.Ref);
        Offer(_block, next);
        ExpectNothing(_owner, _desk);
        Wait(_options.RefusalPause + _options.LookAtLeasesEvery);
        var refused = _owner.ExpectMsg<LeasesRefused>();
        Assert.Equal([_block, next], refused.Blocks.OrderBy(block => block.First));
        Assert.Equal(1, refused.Nodes);
        Request();
        ExpectNothing(_encoder, _desk);
        Assert.Equal(1, Assert.Single(Described().Nodes).Refusals);
        Offer(_block, next);
        Assert.Equal(_block, _encoder.ExpectMsg<SliceProtocol.EncodeLease>().Directions);
    }

    [Fact]
    public void Closed_RefusedByOneOfTwo_TheOtherGetsItAlsoWhenTheFirstAsksBefore()
    {
        var other = CreateTestProbe();
        Hand();
        Request();
        _desk.Tell(new SliceProtocol.RequestLease("tcp://there#1/0", []), other.Ref);
        _desk.Tell(new LeaseClosed(WorkId.Of(_task), _block, Done: false, Elapsed: null, "file.missing"), _owner.Ref);
        Offer(_block);
        Assert.Equal(_block, other.ExpectMsg<SliceProtocol.EncodeLease>().Directions);
        ExpectNothing(_encoder, _desk);
    }

    [Fact]
    public void Describe_LeaseOut_AgeAndMarginAreTold()
    {
        Hand();
        Wait(TimeSpan.FromSeconds(5));
        var described = Described();
        Assert.Equal(new SliceProtocol.EncodingNode("tcp://here", 1, 1, 0), Assert.Single(described.Nodes));
        Assert.InRange(described.OldestAge, TimeSpan.FromSeconds(5), TimeSpan.FromSeconds(5) + _options.LookAtLeasesEvery); // and what has passed since the last look
        Assert.Equal(
            new SliceProtocol.LeasesDescribed(1, 0, 1, described.OldestAge, _options.LeaseDeadline - described.OldestAge, 1, 0, described.Nodes, described.LongestOut), described);
    }

    [Fact]
    public void Describe_ManyLeasesOut_TheFirstAreNamedWithWhenTheyWentOut()
    {
        var begun = Sys.Scheduler.Now;
        var blocks = Enumerable.Range(0, SliceProtocol.LeasesDescribed.MostLongestOut + 1).Select(at => new DirectionRange(16 * at, 16)).ToList();
        foreach (var block in blocks)
        {
            Hand(block);
            Wait(_options.LookAtLeasesEvery);
        }

        Assert.Equal(
            blocks.SkipLast(1).Select((block, at) => (begun + (at * _options.LookAtLeasesEvery)) is var time
                ? new SliceProtocol.BlockOut(_task.RunId, _task.VolumeId, block, "tcp://here", time, time + _options.LeaseDeadline) : null),
            Described().LongestOut);
    }

    [Fact]
    public void Instruments_LeaseGoesOutAndItsNodeDies_TellOfIt()
    {
        using var heard = new Heard();
        Hand();
        _desk.Tell(new LeaseClosed(WorkId.Of(_task), _block, Done: false, Elapsed: null, "file.missing"), _owner.Ref);
        Offer(_block);
        Wait(_options.RefusalPause + _options.LookAtLeasesEvery);
        _owner.ExpectMsg<LeasesRefused>();
        Hand();
        Wait(TimeSpan.FromSeconds(2));
        Kill();
        Assert.All(
            [
                "tonno.coordinator.lease.handed_out False", "tonno.coordinator.lease.out", "tonno.coordinator.lease.oldest_age",
                "tonno.coordinator.node.refusals file.missing", "tonno.coordinator.lease.lost died", "tonno.coordinator.node.deaths", "tonno.coordinator.backlog",
            ],
            name => Assert.True(heard.Of(name) > 0, name));
    }

    private void Offer(params DirectionRange[] blocks) => _desk.Tell(new LeasesOffered(_task, blocks, [], ""), _owner.Ref);

    private void Request() => _desk.Tell(new SliceProtocol.RequestLease(Encoder, []), _encoder.Ref);

    /// <summary>The encoder has a block.</summary>
    private void Hand(DirectionRange? block = null)
    {
        Offer(block ?? _block);
        Request();
        _owner.ExpectMsg<LeaseStarted>();
        _encoder.ExpectMsg<SliceProtocol.EncodeLease>();
    }

    /// <summary>Lets time pass look by look: the test's scheduler rings a timer once each time it is moved on.</summary>
    private void Wait(TimeSpan time)
    {
        for (var passed = TimeSpan.Zero; passed < time; passed += _options.LookAtLeasesEvery)
        {
            Pass(_options.LookAtLeasesEvery, _desk);
        }
    }

    private void Kill()
    {
        Settle(_desk);
        Watch(_encoder.Ref);
        Sys.Stop(_encoder.Ref);
        ExpectTerminated(_encoder.Ref);
        Settle(_desk);
    }

    private void Same(LeasesLost expected)
    {
        var lost = _owner.ExpectMsg<LeasesLost>();
        Assert.Equal(expected.Blocks, lost.Blocks);
        Assert.Equal(expected.Suspects, lost.Suspects);
        Assert.Equal((expected.Loss, expected.From, expected.Deadline), (lost.Loss, lost.From, lost.Deadline));
    }

    private SliceProtocol.LeasesDescribed Described()
    {
        var probe = CreateTestProbe();
        _desk.Tell(new SliceProtocol.DescribeLeases(), probe.Ref);
        return probe.ExpectMsg<SliceProtocol.LeasesDescribed>();
    }
}
