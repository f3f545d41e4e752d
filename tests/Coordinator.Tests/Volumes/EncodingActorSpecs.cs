using Akka.Actor;
using Akka.TestKit;
using ToNNO.Contracts;
using ToNNO.Coordinator.Scheduling;
using ToNNO.Coordinator.Volumes;
using ToNNO.Tests.Support;
using static ToNNO.Coordinator.Scheduling.LeaseProtocol;
using static ToNNO.Coordinator.Volumes.VolumeProtocol;

namespace ToNNO.Coordinator.Tests.Volumes;

public class EncodingActorSpecs : VirtualTimeSpecs
{
    private static readonly VolumeTask _task = SmallWork.Task();
    private static readonly IReadOnlyList<DirectionRange> _leases = SmallWork.Leases(_task);
    private readonly CoordinatorOptions _options = new() { MaximumAttempts = 3, MaximumDeaths = 5 };
    private readonly TestProbe _volume;
    private readonly TestProbe _desk;
    private readonly TestProbe _encoder;
    private IActorRef _encoding;

    public EncodingActorSpecs()
    {
        (_volume, _desk, _encoder) = (CreateTestProbe(), CreateTestProbe(), CreateTestProbe());
        _encoding = Begin(VolumeDeaths.None);
        Assert.Equal(_leases, _desk.ExpectMsg<LeasesOffered>().Ranges.OrderBy(range => range.First));
    }

    [Fact]
    public void Encoded_EachLease_ToldToTheVolumeOnceAndTheDeskHearsHowLong()
    {
        Start(_leases[1]);
        Encoded(_leases[1], TimeSpan.FromSeconds(2));
        Assert.Equal(new RowsStored(_leases[1], SmallWork.Blob("rows"), 5), _volume.ExpectMsg<RowsStored>());
        Assert.Equal(new LeaseClosed(WorkId.Of(_task), _leases[1], Done: true, TimeSpan.FromSeconds(2)), _desk.ExpectMsg<LeaseClosed>());
        Encoded(_leases[1]);
        ExpectNothing(_volume, _encoding);
    }

    [Theory]
    [InlineData(LeaseLoss.Returned)]
    [InlineData(LeaseLoss.Overdue)]
    public void Lost_TwoBlocks_BothOfferedAgain(object loss)
    {
        Start(_leases[0]);
        Start(_leases[2]);
        Lose((LeaseLoss)loss, _leases[0], _leases[2]);
        Assert.Equal([_leases[0], _leases[2]], OfferedAgain().Ranges.OrderBy(range => range.First));
    }

    [Fact]
    public void Lost_AnswerCameBefore_NotOfferedAgain()
    {
        Start(_leases[0]);
        Encoded(_leases[0]);
        _volume.ExpectMsg<RowsStored>();
        _desk.ExpectMsg<LeaseClosed>();
        Lose(LeaseLoss.Overdue, _leases[0]);
        ExpectNothing(_desk, _encoding);
    }

    [Fact]
    public void Overdue_ThenTheLateAnswer_Counts()
    {
        Start(_leases[0]);
        Lose(LeaseLoss.Overdue, _leases[0]);
        OfferedAgain();
        Encoded(_leases[0]);
        _volume.ExpectMsg<RowsStored>();
    }

    [Fact]
    public void Overdue_Thrice_VolumeFailsAndTheEncoderIsNamed()
    {
        for (var attempt = 1; attempt <= 3; attempt++)
        {
            Start(_leases[0]);
            Lose(LeaseLoss.Overdue, _leases[0]);
        }

        var failed = _volume.ExpectMsg<StageFailed>();
        Assert.Equal(("encoder.overdue", VolumeState.Failed), (failed.ReasonCode, failed.State));
        Assert.Contains("there#7/0", failed.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public void Returned_OftenerThanWorkIsTried_OfferedEachTime()
    {
        for (var time = 0; time < 10; time++)
        {
            Start(_leases[0]);
            Lose(LeaseLoss.Returned, _leases[0]);
            Assert.Equal([_leases[0]], OfferedAgain().Ranges);
        }

        Assert.False(_volume.HasMessages);
    }

    [Fact]
    public void Died_Once_OfferedAsSuspectWhenTheLedgerHasIt()
    {
        Start(_leases[0]);
        Start(_leases[1]);
        Lose(LeaseLoss.Died, _leases[0], _leases[1]);
        var noted = _volume.ExpectMsg<DeathsNoted>();
        Assert.Equal([new(0, 1), new(16, 1)], noted.Deaths.Places);
        ExpectNothing(_desk, _encoding);
        Recorded();
        var offered = OfferedAgain();
        Assert.Equal([0, 16], offered.Suspects.Order());
        Assert.Equal("there#7", offered.DiedOn);
    }

    [Fact]
    public void Died_TwiceAtOnePlace_QuarantinedByName()
    {
        Die(_leases[1]);
        Start(_leases[1]);
        Lose(LeaseLoss.Died, _leases[1]);
        Assert.Equal(2, Assert.Single(_volume.ExpectMsg<DeathsNoted>().Deaths.Places).Times);
        var failed = _volume.ExpectMsg<StageFailed>();
        Assert.Equal(("volume.kills_process", VolumeState.Quarantined), (failed.ReasonCode, failed.State));
        Assert.Contains("directions 16 and on of volume a", failed.Detail, StringComparison.Ordinal);
        Assert.Contains("tonno requeue", failed.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public void Died_AfterAnEarlierCoordinatorNotedOne_QuarantinedAtTheNext()
    {
        Sys.Stop(_encoding);
        _desk.ExpectMsg<LeasesWithdrawn>();
        _encoding = Begin(VolumeDeaths.None.Died([32], "before#1"));
        Assert.Equal([32], _desk.ExpectMsg<LeasesOffered>().Suspects);
        Start(_leases[2]);
        Lose(LeaseLoss.Died, _leases[2]);
        _volume.ExpectMsg<DeathsNoted>();
        Assert.Equal("volume.kills_process", _volume.ExpectMsg<StageFailed>().ReasonCode);
    }

    [Fact]
    public void Died_TheSuspectIsThenEncoded_ClearedAndTheNextDeathIsTheFirst()
    {
        Die(_leases[0]);
        Start(_leases[0]);
        Encoded(_leases[0]);
        Assert.Empty(_volume.ExpectMsg<DeathsNoted>().Deaths.Places);
        _volume.ExpectMsg<RowsStored>();
        Die(_leases[1]);
        Assert.False(_volume.HasMessages);
    }

    [Fact]
    public void Died_AtManyPlacesWithoutProgress_Quarantined()
    {
        var task = SmallWork.Task(leaseDirections: 4);
        Sys.Stop(_encoding);
        _desk.ExpectMsg<LeasesWithdrawn>();
        _encoding = Begin(VolumeDeaths.None, task);
        _desk.ExpectMsg<LeasesOffered>();
        var blocks = SmallWork.Leases(task);
        for (var death = 0; death < _options.MaximumDeaths; death++)
        {
            Start(blocks[death]);
            Lose(LeaseLoss.Died, blocks[death]);
            Assert.Equal(death + 1, _volume.ExpectMsg<DeathsNoted>().Deaths.SinceProgress);
        }

        Assert.Equal("volume.kills_process", _volume.ExpectMsg<StageFailed>().ReasonCode);
    }

    [Fact]
    public void Died_OftenWithProgressBetween_GoesOn()
    {
        var task = SmallWork.Task(leaseDirections: 2);
        Sys.Stop(_encoding);
        _desk.ExpectMsg<LeasesWithdrawn>();
        _encoding = Begin(VolumeDeaths.None, task);
        _desk.ExpectMsg<LeasesOffered>();
        foreach (var block in SmallWork.Leases(task))
        {
            Start(block);
            Lose(LeaseLoss.Died, block);
            Assert.Equal(1, _volume.ExpectMsg<DeathsNoted>().Deaths.SinceProgress);
            Encoded(block);
            Assert.Empty(_volume.ExpectMsg<DeathsNoted>().Deaths.Places);
            _volume.ExpectMsg<RowsStored>();
        }

        Assert.False(_volume.HasMessages);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Rejected_LateByTheEncoderThatLostTheLease_Ignored(bool transient)
    {
        Start(_leases[0]);
        Lose(LeaseLoss.Overdue, _leases[0]);
        OfferedAgain();
        var second = CreateTestProbe();
        _encoding.Tell(new LeaseStarted(_leases[0], second.Ref));
        Rejected(_leases[0], "model.changed", transient);
        ExpectNothing(_desk, _encoding);
        ExpectNothing(_volume, _encoding);
        _encoding.Tell(new SliceProtocol.LeaseEncoded(_task.VolumeId, _leases[0], SmallWork.Blob("rows"), "second", 5), second.Ref);
        _volume.ExpectMsg<RowsStored>();
    }

    [Fact]
    public void Rejected_Deterministic_VolumeIsQuarantinedWithTheCode()
    {
        Start(_leases[0]);
        Rejected(_leases[0], "volume.non_finite", transient: false);
        Assert.Equal(new StageFailed("volume.non_finite", "detail", VolumeState.Quarantined), _volume.ExpectMsg<StageFailed>());
    }

    [Fact]
    public void Rejected_PassingByEveryNodeThrice_VolumeFailsWithTheCode()
    {
        for (var attempt = 1; attempt <= 3; attempt++)
        {
            Refuse(_leases[0], "store.unavailable", transient: true);
            _encoding.Tell(new LeasesRefused([_leases[0], _leases[1]], Nodes: 2));
            if (attempt < 3)
            {
                Assert.Equal([_leases[0], _leases[1]], OfferedAgain().Ranges.OrderBy(range => range.First));
            }
        }

        Assert.Equal(new StageFailed("store.unavailable", "detail So say all 2 nodes that encode.", VolumeState.Failed), _volume.ExpectMsg<StageFailed>());
    }

    [Fact]
    public void Rejected_PassingByOneNodeTimeAndAgain_OfferedToOthersEachTime()
    {
        for (var time = 0; time < 10; time++)
        {
            Refuse(_leases[0], "file.missing", transient: true);
        }

        Assert.False(_volume.HasMessages);
    }

    [Fact]
    public void Rejected_ForGoodByEveryNode_VolumeIsQuarantined()
    {
        Refuse(_leases[0], "source.changed", transient: false);
        Refuse(_leases[0], "source.changed", transient: false);
        _encoding.Tell(new LeasesRefused(_leases, Nodes: 1));
        Assert.Equal(new StageFailed("source.changed", "detail", VolumeState.Quarantined), _volume.ExpectMsg<StageFailed>());
    }

    [Fact]
    public void Rejected_ForGoodByOneAndInPassingByAnother_IsTriedAgain()
    {
        Refuse(_leases[0], "store.unavailable", transient: true);
        Refuse(_leases[0], "source.changed", transient: false);
        _encoding.Tell(new LeasesRefused([_leases[0]], Nodes: 2));
        Assert.Equal([_leases[0]], OfferedAgain().Ranges);
        Assert.False(_volume.HasMessages);
    }

    [Fact]
    public void Opened_NextPass_OfferedWithItsGuideAlsoWhenOneComesBack()
    {
        var guided = _task with { Guide = SmallWork.Blob("guide") };
        var lease = new DirectionRange(48, 16);
        _encoding.Tell(new LeasesOpened(guided, [lease]));
        Assert.Equal(guided, _desk.ExpectMsg<LeasesOffered>().Task);
        Start(lease);
        Rejected(lease, "store.unavailable", transient: true);
        _desk.ExpectMsg<LeaseClosed>();
        var again = OfferedAgain();
        Assert.Equal((guided, lease), (again.Task, Assert.Single(again.Ranges)));
    }

    [Fact]
    public void Stopped_LeasesOpen_Withdrawn()
    {
        Sys.Stop(_encoding);
        Assert.Equal(WorkId.Of(_task), _desk.ExpectMsg<LeasesWithdrawn>().Work);
    }

    [Fact]
    public void Stopped_EncodersThatHadLeases_NeedNotHoldTheVolume()
    {
        Start(_leases[0]);
        Encoded(_leases[0]);
        Start(_leases[1]);
        Settle(_encoding);
        Sys.Stop(_encoding);
        Assert.Equal(_task.VolumeId, _encoder.ExpectMsg<SliceProtocol.ReleaseVolume>().VolumeId);
        ExpectNothing(_encoder, _desk.Ref);
    }

    private IActorRef Begin(VolumeDeaths deaths, VolumeTask? task = null)
    {
        task ??= _task;
        var encoding = _volume.ChildActorOf(Props.Create(() => new EncodingActor(WorkId.Of(task), _desk.Ref, _options, deaths)));
        encoding.Tell(new LeasesOpened(task, SmallWork.Leases(task)));
        return encoding;
    }

    private void Start(DirectionRange lease) => _encoding.Tell(new LeaseStarted(lease, _encoder.Ref), _desk.Ref);

    private void Encoded(DirectionRange lease, TimeSpan? elapsed = null) =>
        _encoding.Tell(new SliceProtocol.LeaseEncoded(_task.VolumeId, lease, SmallWork.Blob("rows"), "e", 5, elapsed), _encoder.Ref);

    private void Rejected(DirectionRange lease, string code, bool transient) =>
        _encoding.Tell(new SliceProtocol.LeaseRejected(_task.VolumeId, lease, code, "detail", transient), _encoder.Ref);

    /// <summary>A node lacks something; the block is offered to others.</summary>
    private void Refuse(DirectionRange lease, string code, bool transient)
    {
        Start(lease);
        _encoding.Tell(new SliceProtocol.LeaseRejected(_task.VolumeId, lease, code, "detail", transient, OfNode: !transient), _encoder.Ref);
        var closed = (LeaseClosed)_desk.FishForMessage(message => message is LeaseClosed);
        Assert.Equal((false, code), (closed.Done, closed.Refusal));
        Assert.Equal([lease], _desk.ExpectMsg<LeasesOffered>().Ranges);
    }

    private void Lose(LeaseLoss loss, params DirectionRange[] blocks) => _encoding.Tell(new LeasesLost(
        blocks, loss, loss == LeaseLoss.Died ? [.. blocks.Select(block => block.First)] : [], loss == LeaseLoss.Died ? "there#7" : "there#7/0", TimeSpan.FromMinutes(1)));

    /// <summary>An encoder dies with a block in its hands; it is offered anew.</summary>
    private void Die(DirectionRange block)
    {
        Start(block);
        Lose(LeaseLoss.Died, block);
        _volume.ExpectMsg<DeathsNoted>();
        Recorded();
        Assert.Contains(block.First, OfferedAgain().Suspects);
    }

    private void Recorded() => _encoding.Tell(new DeathsRecorded());

    private LeasesOffered OfferedAgain() => (LeasesOffered)_desk.FishForMessage(message => message is LeasesOffered);
}
