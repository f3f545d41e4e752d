using Akka.Actor;
using Akka.TestKit;
using ToNNO.Contracts;
using ToNNO.Coordinator.Scheduling;
using ToNNO.Tests.Support;
using static ToNNO.Coordinator.Volumes.VolumeProtocol;

namespace ToNNO.Coordinator.Tests.Scheduling;

public class LeaseDeskActorSpecs : VirtualTimeSpecs
{
    private static readonly VolumeTask _task = SmallWork.Task();
    private readonly TestProbe _owner;
    private readonly TestProbe _encoder;
    private readonly IActorRef _desk;

    public LeaseDeskActorSpecs()
    {
        (_owner, _encoder) = (CreateTestProbe(), CreateTestProbe());
        _desk = Sys.ActorOf(Props.Create(() => new LeaseDeskActor()));
    }

    [Fact]
    public void Request_WorkThere_EncoderGetsTheLeaseFromItsOwner()
    {
        Offer(new DirectionRange(0, 16));
        Request();
        Assert.Equal(new LeaseStarted(new(0, 16), _encoder.Ref), _owner.ExpectMsg<LeaseStarted>());
        Assert.Equal(new DirectionRange(0, 16), _encoder.ExpectMsg<SliceProtocol.EncodeLease>().Directions);
        Assert.Equal(_owner.Ref, _encoder.LastSender);
    }

    [Fact]
    public void Offer_EncoderIsGone_NotHandedToIt()
    {
        Request();
        Settle(_desk);
        Watch(_encoder.Ref);
        Sys.Stop(_encoder.Ref);
        ExpectTerminated(_encoder.Ref);
        Settle(_desk);
        Offer(new DirectionRange(0, 16));
        ExpectNothing(_owner, _desk);
    }

    [Fact]
    public void Offer_RangeThatWaitsAlready_OtherVolumesGoOn()
    {
        Offer(new DirectionRange(0, 16));
        Offer(new DirectionRange(0, 16));
        Request();
        _encoder.ExpectMsg<SliceProtocol.EncodeLease>();
        Request();
        ExpectNothing(_encoder, _desk);
    }

    [Fact]
    public void Withdrawn_LeasesOpen_NoneHandedOut()
    {
        Offer(new DirectionRange(0, 16));
        _desk.Tell(new LeasesWithdrawn(_task.VolumeId));
        Request();
        ExpectNothing(_encoder, _desk);
    }

    private void Offer(DirectionRange range) => _desk.Tell(new LeasesOffered(_task, [range]), _owner.Ref);

    private void Request() => _desk.Tell(new SliceProtocol.RequestLease("e", []), _encoder.Ref);
}
