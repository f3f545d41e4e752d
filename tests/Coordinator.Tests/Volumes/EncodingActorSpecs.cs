using Akka.Actor;
using Akka.TestKit;
using ToNNO.Contracts;
using ToNNO.Coordinator.Volumes;
using ToNNO.Tests.Support;
using static ToNNO.Coordinator.Volumes.VolumeProtocol;

namespace ToNNO.Coordinator.Tests.Volumes;

public class EncodingActorSpecs : VirtualTimeSpecs
{
    private static readonly VolumeTask _task = SmallWork.Task();
    private static readonly IReadOnlyList<DirectionRange> _leases = SmallWork.Leases(_task);
    private readonly CoordinatorOptions _options = new() { MaximumAttempts = 3 };
    private readonly TestProbe _volume;
    private readonly TestProbe _desk;
    private readonly TestProbe _encoder;
    private readonly IActorRef _encoding;

    public EncodingActorSpecs()
    {
        (_volume, _desk, _encoder) = (CreateTestProbe(), CreateTestProbe(), CreateTestProbe());
        _encoding = _volume.ChildActorOf(Props.Create(() => new EncodingActor(_task.VolumeId, _desk.Ref, _options)));
        _encoding.Tell(new LeasesOpened(_task, _leases));
        Assert.Equal(_leases, _desk.ExpectMsg<LeasesOffered>().Ranges.OrderBy(range => range.First));
    }

    [Fact]
    public void Encoded_EachLease_ToldToTheVolumeOnce()
    {
        Start(_leases[1]);
        Encoded(_leases[1]);
        Assert.Equal(new RowsStored(_leases[1], SmallWork.Blob("rows"), 5), _volume.ExpectMsg<RowsStored>());
        Encoded(_leases[1]);
        ExpectNothing(_volume, _encoding);
    }

    [Fact]
    public void EncoderTerminated_HoldsTwoLeases_BothOfferedAgain()
    {
        Start(_leases[0]);
        Start(_leases[2]);
        Settle(_encoding);
        Sys.Stop(_encoder.Ref);
        Assert.Equal(
            [_leases[0], _leases[2]],
            new[] { OfferedAgain(), OfferedAgain() }.OrderBy(range => range.First));
    }

    [Fact]
    public void EncoderTerminated_AnswerCameBefore_NotOfferedAgain()
    {
        Start(_leases[0]);
        Encoded(_leases[0]);
        _volume.ExpectMsg<RowsStored>();
        Watch(_encoder.Ref);
        Sys.Stop(_encoder.Ref);
        ExpectTerminated(_encoder.Ref);
        ExpectNothing(_desk, _encoding);
    }

    [Fact]
    public void Overdue_NoAnswer_OfferedAgainAndTheLateAnswerCounts()
    {
        Start(_leases[0]);
        Pass(_options.LeaseDeadline, _encoding);
        Assert.Equal(_leases[0], OfferedAgain());
        Encoded(_leases[0]);
        _volume.ExpectMsg<RowsStored>();
    }

    [Fact]
    public void Overdue_ThenItsEncoderTerminates_OfferedAgainOnce()
    {
        Start(_leases[0]);
        Pass(_options.LeaseDeadline, _encoding);
        OfferedAgain();
        Watch(_encoder.Ref);
        Sys.Stop(_encoder.Ref);
        ExpectTerminated(_encoder.Ref);
        ExpectNothing(_desk, _encoding);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Rejected_LateByTheEncoderThatLostTheLease_Ignored(bool transient)
    {
        Start(_leases[0]);
        Pass(_options.LeaseDeadline, _encoding);
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
    public void Rejected_TransientThrice_VolumeFailsWithTheCode()
    {
        for (var attempt = 1; attempt <= 3; attempt++)
        {
            Start(_leases[0]);
            Rejected(_leases[0], "store.unavailable", transient: true);
            if (attempt < 3)
            {
                Assert.Equal(_leases[0], OfferedAgain());
            }
        }

        Assert.Equal(new StageFailed("store.unavailable", "detail", VolumeState.Failed), _volume.ExpectMsg<StageFailed>());
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
        var again = _desk.ExpectMsg<LeasesOffered>();
        Assert.Equal((guided, lease), (again.Task, Assert.Single(again.Ranges)));
    }

    [Fact]
    public void Stopped_LeasesOpen_Withdrawn()
    {
        Sys.Stop(_encoding);
        Assert.Equal(_task.VolumeId, _desk.ExpectMsg<LeasesWithdrawn>().VolumeId);
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

    private void Start(DirectionRange lease) => _encoding.Tell(new LeaseStarted(lease, _encoder.Ref), _desk.Ref);

    private void Encoded(DirectionRange lease) =>
        _encoding.Tell(new SliceProtocol.LeaseEncoded(_task.VolumeId, lease, SmallWork.Blob("rows"), "e", 5), _encoder.Ref);

    private void Rejected(DirectionRange lease, string code, bool transient) =>
        _encoding.Tell(new SliceProtocol.LeaseRejected(_task.VolumeId, lease, code, "detail", transient), _encoder.Ref);

    private DirectionRange OfferedAgain() => Assert.Single(_desk.ExpectMsg<LeasesOffered>().Ranges);
}
