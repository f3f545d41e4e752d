using Akka.Actor;
using Akka.TestKit;
using ToNNO.Contracts;
using ToNNO.Coordinator.Volumes;
using ToNNO.Tests.Support;
using static ToNNO.Coordinator.Volumes.VolumeProtocol;

namespace ToNNO.Coordinator.Tests.Volumes;

public class SlabFeederActorSpecs : VirtualTimeSpecs
{
    private static readonly VolumeTask _task = SmallWork.Task() with { SlabCount = 1 };
    private static readonly IReadOnlyList<DirectionRange> _leases = SmallWork.Leases(_task);
    private readonly CoordinatorOptions _options = new() { MaximumAttempts = 3 };
    private readonly TestProbe _volume;
    private readonly TestProbe _slab;
    private readonly IActorRef _feeder;

    public SlabFeederActorSpecs()
    {
        (_volume, _slab) = (CreateTestProbe(), CreateTestProbe());
        _feeder = _volume.ChildActorOf(Props.Create(() => new SlabFeederActor(_task, SmallWork.Directions, _slab.Ref, _options)));
    }

    [Fact]
    public void RowsStored_OutOfOrder_SentInOrderOneAtATime()
    {
        Store(2, 0, 1);
        Assert.Equal(_leases[0], Asked());
        ExpectNothing(_slab, _feeder);
        Applied(16);
        Assert.Equal(_leases[1], Asked());
        Applied(32);
        Assert.Equal(_leases[2], Asked());
        Completed();
        Assert.Equal([SmallWork.Blob("slab")], _volume.ExpectMsg<SlabsCompleted>().Slabs);
    }

    [Fact]
    public void RowsApplied_SlabRestarted_FedAnew()
    {
        Store(0, 1, 2);
        Asked();
        Applied(16);
        Asked();
        Applied(0);
        Assert.Equal(_leases[0], Asked());
    }

    [Fact]
    public void Overdue_NoAnswer_AskedAgain()
    {
        Store(0);
        Asked();
        Pass(_options.ReducerDeadline, _feeder);
        Assert.Equal(_leases[0], Asked());
        Pass(_options.ReducerDeadline, _feeder);
        Assert.Equal(_leases[0], Asked());
    }

    [Fact]
    public void Overdue_SoManyTimesInARow_VolumeFailsAndTheSlabIsNamed()
    {
        Store(0, 1);
        Applied(0); // an answer, from the start
        for (var silence = 1; silence < _options.MaximumSilences; silence++)
        {
            Pass(_options.ReducerDeadline, _feeder);
        }

        Applied(16); // in time: silences are counted anew
        for (var silence = 0; silence < _options.MaximumSilences; silence++)
        {
            ExpectNothing(_volume, _feeder);
            Pass(_options.ReducerDeadline, _feeder);
        }

        var failed = _volume.ExpectMsg<StageFailed>();
        Assert.Equal(("recon.silent", VolumeState.Failed), (failed.ReasonCode, failed.State));
        Assert.StartsWith("Slab 0 of volume a left 40 questions in a row unanswered, over 00:20:00; node akka://", failed.Detail, StringComparison.Ordinal);
        Assert.EndsWith("answered for it last. Check the recon nodes and run again.", failed.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public void Answered_InTime_NotAskedAgain()
    {
        Store(0);
        Asked();
        Applied(16);
        Pass(2 * _options.ReducerDeadline, _feeder);
        ExpectNothing(_slab, _feeder);
    }

    [Fact]
    public void SlabFailed_TransientAsOftenAsAStoreMayFail_PausesBetweenThenFails()
    {
        Store(0);
        for (var attempt = 1; attempt < _options.MaximumStoreFailures; attempt++)
        {
            Asked();
            Fail(transient: true);
            ExpectNothing(_slab, _feeder);
            Pass(_options.ReducerDeadline, _feeder);
        }

        Asked();
        Fail(transient: true);
        Assert.Equal(new StageFailed("store.unavailable", "detail", VolumeState.Failed), _volume.ExpectMsg<StageFailed>());
    }

    /// <summary>A slab that fails begins anew: to come again as far as before is no progress.</summary>
    [Fact]
    public void SlabFailed_BeyondTheFirstBlockAgainAndAgain_Fails()
    {
        Store(0, 1);
        for (var attempt = 1; attempt <= _options.MaximumStoreFailures; attempt++)
        {
            Assert.Equal(_leases[0], Asked());
            Applied(16);
            Assert.Equal(_leases[1], Asked());
            Fail(transient: true);
            if (attempt < _options.MaximumStoreFailures)
            {
                Pass(_options.ReducerDeadline, _feeder);
                Assert.Equal(_leases[1], Asked());
                Applied(0);
            }
        }

        Assert.Equal(VolumeState.Failed, _volume.ExpectMsg<StageFailed>().State);
    }

    [Fact]
    public void SlabFailed_FurtherOnEachTime_GoesOn()
    {
        Store(0, 1, 2);
        foreach (var _ in Enumerable.Range(0, 3 * _options.MaximumStoreFailures))
        {
            Assert.Equal(_leases[0], Asked());
            Fail(transient: true);
            Pass(_options.ReducerDeadline, _feeder);
            Assert.Equal(_leases[0], Asked());
            Applied(16);
            Asked();
            Applied(0); // lost, and begun anew
        }

        ExpectNothing(_volume, _feeder);
    }

    [Fact]
    public void SlabFailed_Deterministic_Quarantined()
    {
        Store(0);
        Fail(transient: false);
        Assert.Equal(VolumeState.Quarantined, _volume.ExpectMsg<StageFailed>().State);
    }

    private void Store(params int[] leases)
    {
        foreach (var lease in leases)
        {
            _feeder.Tell(new RowsStored(_leases[lease], SmallWork.Blob($"{lease}"), 0));
        }
    }

    private DirectionRange Asked() => _slab.ExpectMsg<ReconProtocol.ApplyRows>().Directions;

    private void Applied(int next) => _feeder.Tell(new ReconProtocol.RowsApplied(_task.VolumeId, 0, next));

    private void Completed() => _feeder.Tell(new ReconProtocol.SlabCompleted(_task.VolumeId, 0, SmallWork.Blob("slab"), TimeSpan.Zero));

    private void Fail(bool transient) =>
        _feeder.Tell(new ReconProtocol.SlabFailed(_task.VolumeId, 0, "store.unavailable", "detail", transient));
}
