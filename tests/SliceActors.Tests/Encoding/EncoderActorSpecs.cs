using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using Akka.Actor;
using Akka.TestKit;
using ToNNO.Contracts;
using ToNNO.Encoders;
using ToNNO.Encoders.Networks;
using ToNNO.SliceActors.Caching;
using ToNNO.SliceActors.Encoding;
using ToNNO.Storage;
using ToNNO.Tests.Support;
using ToNNO.Tomography.Geometry;

namespace ToNNO.SliceActors.Tests.Encoding;

[Collection(TorchCollection.Name)]
public sealed class EncoderActorSpecs : VirtualTimeSpecs
{
    private static readonly VolumeTask _task = SmallWork.Task();
    private static readonly DirectionRange _lease = new(16, 16);
    private readonly TemporaryFolder _folder = new();
    private readonly ScriptedStore _store;
    private readonly SliceOptions _options = new();
    private readonly TestProbe _coordinator;
    private readonly TestProbe _cache;
    private readonly TestProbe _owner;
    private readonly IActorRef _encoder;
    private readonly CancellationTokenSource _nodeStopping = new();
    private ISliceEncoder _model = new SumEncoder();

    public EncoderActorSpecs()
    {
        (_coordinator, _cache, _owner) = (CreateTestProbe(), CreateTestProbe(), CreateTestProbe());
        _store = new ScriptedStore(new LocalFolderStore(_folder.Path));
        var pool = new EncoderPool(_ => _model);
        var leaseEncoder = new LeaseEncoder(_options.BatchPixels);
        var device = Props.Create(() => new DeviceActor(leaseEncoder, pool, "cpu", _nodeStopping.Token));
        _encoder = Sys.ActorOf(Props.Create(() => new EncoderActor("e", _coordinator.Ref, _cache.Ref, _store, leaseEncoder, device, _options, _nodeStopping.Token)));
        Asked();
    }

    [Fact]
    public async Task Lease_Encoded_RowsAreStoredBeforeTheWordAndItAsksAgain()
    {
        Lease();
        Loaded();
        var encoded = _owner.ExpectMsg<SliceProtocol.LeaseEncoded>();
        var blob = await _store.ReadAsync(encoded.Rows.Path, CancellationToken.None);
        Assert.Equal(blob.ETag.Value, encoded.Rows.ETag);
        var rows = RowsBlob.TryParse(blob.Bytes.Span, _lease, _task.Plan().OffsetCount, 1)!;
        Assert.Equal(rows.Cost.SlicesEncoded, encoded.SlicesEncoded);
        Assert.True(encoded.SlicesEncoded > 0);
        Assert.Equal([_task.VolumeId], Asked().CachedVolumes);
    }

    [Fact]
    public void Idle_WithoutALease_StarvationIsToldAllTheWhile()
    {
        var told = new ConcurrentQueue<double>();
        using var listener = new MeterListener
        {
            InstrumentPublished = (instrument, listener) =>
            {
                if (instrument.Name == "tonno.slice.encoder_starved")
                {
                    listener.EnableMeasurementEvents(instrument);
                }
            },
        };
        listener.SetMeasurementEventCallback<double>((_, seconds, tags, _) =>
        {
            if (tags.ToArray().Contains(new("of", "leases")))
            {
                told.Enqueue(seconds);
            }
        });
        listener.Start();
        AwaitAssert(() =>
        {
            Pass(TimeSpan.FromSeconds(6), _encoder);
            Assert.NotEmpty(told);
        });
        Assert.All(told, seconds => Assert.True(seconds > 0));
    }

    [Fact]
    public async Task Lease_MapsAskedFor_StacksAreStoredBeforeTheRows()
    {
        var task = _task with { Settings = _task.Settings with { Cam = new CamSettings(CamMethod.Averaged, MapKind.GradCam, SumEncoder.PixelLayer, 1) } };
        Lease(task);
        Loaded();
        _owner.ExpectMsg<SliceProtocol.LeaseEncoded>();
        string[] expected = [.. Enumerable.Range(_lease.First, _lease.Count).Select(direction => task.StackPath(0, direction)), task.RowsPath(_lease)];
        Assert.Equal(expected, _store.Calls.Where(call => call.Changes).Select(call => call.Path));
        await using var stream = await _store.OpenReadAsync(task.StackPath(0, _lease.First), CancellationToken.None);
        Assert.NotNull(StackBlob.TryRead(stream, stream.Length, 0, _lease.First, task.Plan().OffsetCount));
    }

    [Fact]
    public void Lease_StackCannotBeWritten_NoRowsComeToBe()
    {
        _store.Before = call => call.Path.Contains("stack-000-000020", StringComparison.Ordinal) ? throw ScriptedStore.Unavailable() : Task.CompletedTask;
        Lease(_task with { Settings = _task.Settings with { Cam = new CamSettings(CamMethod.Averaged, MapKind.GradCam, SumEncoder.PixelLayer, 1) } });
        Loaded();
        Assert.Equal(("store.unavailable", Blame.Passing), Rejected());
        Assert.DoesNotContain(_store.Calls, call => call.Path.Contains("rows-", StringComparison.Ordinal));
    }

    [Fact]
    public void Released_Volume_TheCacheHearsIt()
    {
        _encoder.Tell(new SliceProtocol.ReleaseVolume(_task.VolumeId), _owner.Ref);
        Assert.Equal(_task.VolumeId, _cache.ExpectMsg<SliceProtocol.ReleaseVolume>().VolumeId);
    }

    [Fact]
    public void NoWork_AsksAgainAfterAWhile()
    {
        Pass(_options.AskAgainAfter, _encoder);
        _coordinator.ExpectMsg<SliceProtocol.RequestLease>();
    }

    [Fact]
    public void Lease_RowsCannotBeWritten_RejectedAsTransientAndItAsksAgain()
    {
        _store.Before = call => call.Changes ? throw ScriptedStore.Unavailable() : Task.CompletedTask;
        Lease();
        Loaded();
        Assert.Equal(("store.unavailable", Blame.Passing), Rejected());
        Asked();
    }

    [Fact]
    public void Lease_ModelChangedSinceTheRunWasPlanned_Rejected()
    {
        Lease(_task with { Settings = _task.Settings with { ModelSha256 = "other" } });
        Loaded();
        Assert.Equal(("model.changed", Blame.Node), Rejected());
        Asked();
    }

    [Fact]
    public void Lease_VolumeRefused_RejectedWithItsCode()
    {
        Lease();
        _cache.ExpectMsg<VolumeCacheActor.LoadVolume>();
        _cache.Reply(new VolumeCacheActor.VolumeUnavailable(_task, "source.changed", "another", Blame.Node));
        Assert.Equal(("source.changed", Blame.Node), Rejected());
        Asked();
    }

    [Fact]
    public void Lease_EncoderFailsUnexpectedly_RejectedAndTheNextLeaseIsEncoded()
    {
        _model = new FailingEncoder();
        Lease();
        Loaded();
        Assert.Equal(("internal.failure", Blame.Passing), Rejected());
        Asked();
        Lease();
        Loaded();
        Assert.Equal(("internal.failure", Blame.Passing), Rejected());
    }

    [Fact]
    public void Lease_StoringFailsUnexpectedly_Rejected()
    {
        _store.Before = call => call.Changes ? throw new InvalidCastException("a bug") : Task.CompletedTask;
        Lease();
        Loaded();
        Assert.Equal(("internal.failure", Blame.Passing), Rejected());
        Asked();
    }

    [Fact]
    public void Lease_NodeStops_EncoderGoesAndSoReturnsTheLease()
    {
        Watch(_encoder);
        _nodeStopping.Cancel();
        Lease();
        Loaded();
        ExpectTerminated(_encoder);
        Assert.False(_owner.HasMessages);
    }

    [Fact]
    public void Lease_AnotherComesMeanwhile_EncodedAfterTheFirst()
    {
        Lease();
        Lease(SmallWork.Task("b"));
        Loaded();
        Assert.Equal("a", _owner.ExpectMsg<SliceProtocol.LeaseEncoded>().VolumeId.Value);
        Loaded();
        Assert.Equal("b", _owner.ExpectMsg<SliceProtocol.LeaseEncoded>().VolumeId.Value);
    }

    [Fact]
    public void Lease_AnotherComesMeanwhileAndTheFirstFailsUnexpectedly_TheOtherIsAnswered()
    {
        _model = new FailingEncoder();
        Lease();
        Lease(SmallWork.Task("b"));
        Loaded();
        Rejected();
        Loaded();
        Assert.Equal("b", _owner.ExpectMsg<SliceProtocol.LeaseRejected>().VolumeId.Value);
    }

    [Fact]
    public void Lease_WhileOneIsEncoded_TheNextIsAskedForAndItsVolumeRead()
    {
        using var encoder = new HeldEncoder();
        _model = encoder;
        Lease();
        Loaded();
        encoder.Begun.Wait(TestContext.Current.CancellationToken);
        _coordinator.ExpectMsg<SliceProtocol.RequestLease>();
        Lease(SmallWork.Task("b"));
        Loaded(); // asked for although the first is not encoded
        ExpectNothing(_coordinator, _encoder); // one ahead, no more
        Assert.False(_owner.HasMessages);
        encoder.Release.Set();
        string[] encoded = [_owner.ExpectMsg<SliceProtocol.LeaseEncoded>().VolumeId.Value, _owner.ExpectMsg<SliceProtocol.LeaseEncoded>().VolumeId.Value];
        Assert.Equal(["a", "b"], encoded.Order(StringComparer.Ordinal)); // either may be stored first
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(5)]
    public void Lease_OfSeveralBlocks_EachIsAnsweredByItselfAndTheNextIsAskedForWithTheLast(int blocks)
    {
        var task = SmallWork.Task(leaseDirections: 4);
        _encoder.Tell(new SliceProtocol.EncodeLease(task, new(8, 4 * blocks)), _owner.Ref);
        for (var block = 0; block < blocks; block++)
        {
            Loaded();
        }

        var encoded = Enumerable.Range(0, blocks).Select(_ => _owner.ExpectMsg<SliceProtocol.LeaseEncoded>()).ToList();
        Assert.Equal(Enumerable.Range(0, blocks).Select(block => new DirectionRange(8 + (4 * block), 4)), encoded.Select(one => one.Directions).OrderBy(range => range.First));
        Assert.All(encoded, one => Assert.True(one.Elapsed > TimeSpan.Zero));
        _coordinator.ExpectMsg<SliceProtocol.RequestLease>();
    }

    /// <summary>All rows of a volume, encoded by leases of one, two and five blocks: a slice's neighbours in a batch are the same whatever
    /// the lease, so that the rows are, bit for bit.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Leases_OfOneTwoAndFiveBlocks_LeaveTheSameRows(bool script)
    {
        var task = SmallWork.Task(leaseDirections: 4);
        if (script)
        {
            // Two channels and three classes.
            IntensityMap[] channels = [IntensityMap.Identity, IntensityMap.Identity];
            var card = _model.Card with { Name = "residual", Sha256 = "residual", Classes = ["a", "b", "c"], Intensities = channels };
            var program = await File.ReadAllBytesAsync(Path.Combine(AppContext.BaseDirectory, "Fixtures", "residual.ts"), TestContext.Current.CancellationToken);
            _model = new TorchSliceEncoder(new TorchScriptNetwork(program, "residual.ts"), card, "cpu");
            task = task with { Settings = task.Settings with { ModelSha256 = card.Sha256, Intensities = channels, Classes = [new(1, "b")] } };
        }

        var rows = new List<float[]>();
        foreach (var blocks in new[] { 1, 2, 5 })
        {
            for (var first = 0; first < SmallWork.Directions; first += 4 * blocks)
            {
                _encoder.Tell(new SliceProtocol.EncodeLease(task, new(first, Math.Min(4 * blocks, SmallWork.Directions - first))), _owner.Ref);
            }

            foreach (var _ in task.Leases())
            {
                Loaded();
                _owner.ExpectMsg<SliceProtocol.LeaseEncoded>();
            }

            rows.Add([.. task.Leases().SelectMany(block => Rows(task, block).Logits)]);
            Assert.All(task.Leases(), block => File.Delete(Path.Combine(_folder.Path, task.RowsPath(block))));
        }

        Assert.True(rows[0].Distinct().Count() > 100, "the rows tell slices apart");
        Assert.Equal(rows[0], rows[1]);
        Assert.Equal(rows[0], rows[2]);
        _model.Dispose();
    }

    [Fact]
    public void Drain_NothingInHand_GoesWhenTheCoordinatorKnows()
    {
        Watch(_encoder);
        Drain();
        Assert.Empty(Leaving());
        MayLeave();
        ExpectTerminated(_encoder);
    }

    [Fact]
    public void Drain_OneIsEncodedAndOneBegunAndOneAhead_TheFirstIsFinishedAndTheOthersComeBack()
    {
        using var encoder = new HeldEncoder();
        _model = encoder;
        Watch(_encoder);
        Lease();
        Loaded();
        encoder.Begun.Wait(TestContext.Current.CancellationToken);
        Lease(SmallWork.Task("b"));
        Loaded();
        Lease(SmallWork.Task("c"));
        Settle(_encoder);
        Drain();
        Assert.Equal(["b", "c"], Leaving());
        MayLeave();
        ExpectNothing(_owner, _encoder);
        encoder.Release.Set();
        Assert.Equal("a", _owner.ExpectMsg<SliceProtocol.LeaseEncoded>().VolumeId.Value);
        ExpectTerminated(_encoder);
        Assert.False(_owner.HasMessages);
    }

    [Fact]
    public void Drain_LeaseComesMeanwhile_GivenBackAtOnce()
    {
        Drain();
        Leaving();
        Lease();
        Assert.Equal(["a"], Leaving());
    }

    [Fact]
    public void Drain_NotFinishedInTime_WhatIsLeftComesBackAndTheEncoderGoes()
    {
        using var encoder = new HeldEncoder();
        _model = encoder;
        Watch(_encoder);
        Lease();
        Loaded();
        encoder.Begun.Wait(TestContext.Current.CancellationToken);
        Drain();
        Assert.Empty(Leaving());
        MayLeave();
        Pass(_options.DrainDeadline, _encoder);
        Assert.Equal(["a"], Leaving());
        encoder.Release.Set(); // a stopping actor waits for its child
        MayLeave();
        ExpectTerminated(_encoder);
        Assert.False(_owner.HasMessages);
    }

    [Fact]
    public void Drain_CoordinatorDoesNotAnswer_GoesAllTheSame()
    {
        Watch(_encoder);
        Drain();
        Leaving();
        Pass(_options.FarewellDeadline, _encoder);
        ExpectTerminated(_encoder);
    }

    [Fact]
    public void Lease_CuttingFails_RejectedAndTheNextLeaseIsEncoded()
    {
        Lease();
        Loaded(new VolumeGeometry(_task.Geometry.Shape, AffineTransform.Scaling(1e-9, 1, 1))); // indices beyond what is cut
        Assert.Equal(("internal.failure", Blame.Passing), Rejected());
        Lease();
        Loaded();
        _owner.ExpectMsg<SliceProtocol.LeaseEncoded>();
    }

    [Fact]
    public void Lease_NodeStopsWhileOneIsEncoded_EncoderGoesAndNeitherLeaseIsAnswered()
    {
        using var encoder = new HeldEncoder();
        _model = encoder;
        Watch(_encoder);
        Lease();
        Loaded();
        Lease(SmallWork.Task("b"));
        Loaded();
        encoder.Begun.Wait(TestContext.Current.CancellationToken);
        _nodeStopping.Cancel();
        encoder.Release.Set();
        ExpectTerminated(_encoder);
        Assert.False(_owner.HasMessages);
    }

    [Fact]
    public void Leases_EncodedByATorchModel_LiveTensorsReturnToTheSameCountAfterEach()
    {
        var live = 0L;
        using var gauge = new MeterListener
        {
            InstrumentPublished = (instrument, listener) =>
            {
                if (instrument.Name == "tonno.torch.live_tensors")
                {
                    listener.EnableMeasurementEvents(instrument);
                }
            },
        };
        gauge.SetMeasurementEventCallback<long>((_, count, _, _) => live = count);
        gauge.Start();
        var network = new SmallCnn(new SmallCnnArchitecture { Layers = [new ConvLayer { Channels = 4 }, new ConvLayer { Channels = 4 }] });
        _model = new TorchSliceEncoder(network, new SumEncoder().Card with { Name = "small", Sha256 = "small" }, "cpu");
        var counts = new List<long>();
        GC.Collect(); // what other tests left to their finalizers is not to go meanwhile
        GC.WaitForPendingFinalizers();
        for (var lease = 0; lease < 6; lease++)
        {
            Lease(_task with { Settings = _task.Settings with { ModelSha256 = "small" } });
            Loaded();
            Assert.True(_owner.ExpectMsg<SliceProtocol.LeaseEncoded>().SlicesEncoded > 0);
            Asked();
            gauge.RecordObservableInstruments();
            counts.Add(live);
        }

        Assert.True(counts[0] > 0); // the weights
        Assert.All(counts, count => Assert.Equal(counts[0], count));
    }

    protected override void AfterAll()
    {
        base.AfterAll();
        _nodeStopping.Dispose();
        _folder.Dispose();
    }

    private void Lease(VolumeTask? task = null) => _encoder.Tell(new SliceProtocol.EncodeLease(task ?? _task, _lease), _owner.Ref);

    private void Loaded(VolumeGeometry? geometry = null)
    {
        var samples = new float[8 * 8 * 8];
        samples[(4 * 64) + (4 * 8) + 4] = 1;
        var task = _cache.ExpectMsg<VolumeCacheActor.LoadVolume>().Task;
        var channels = task.Settings.Intensities.Select(_ => new Volume(geometry ?? task.Geometry, samples));
        _cache.Reply(new VolumeCacheActor.VolumeLoaded(task, [.. channels], TimeSpan.Zero, [task.VolumeId]));
    }

    private RowsBlob Rows(VolumeTask task, DirectionRange block) =>
        RowsBlob.TryParse(File.ReadAllBytes(Path.Combine(_folder.Path, task.RowsPath(block))), block, task.Plan().OffsetCount, 1)!;

    private void Drain() => _encoder.Tell(new EncoderActor.Drain());

    private IEnumerable<string> Leaving() =>
        ((SliceProtocol.EncoderLeaving)_coordinator.FishForMessage(message => message is SliceProtocol.EncoderLeaving)).Returned.Select(lease => lease.VolumeId.Value);

    private void MayLeave() => _encoder.Tell(new SliceProtocol.EncoderMayLeave("e"), _coordinator.Ref);

    private (string Code, Blame Blame) Rejected()
    {
        var rejected = _owner.ExpectMsg<SliceProtocol.LeaseRejected>();
        Assert.False(rejected is { Transient: true, OfNode: true });
        return (rejected.ReasonCode, rejected.Transient ? Blame.Passing : rejected.OfNode ? Blame.Node : Blame.Volume);
    }

    /// <summary>The encoder's first question, which a timer puts.</summary>
    private SliceProtocol.RequestLease Asked()
    {
        Pass(TimeSpan.Zero, _encoder);
        return _coordinator.ExpectMsg<SliceProtocol.RequestLease>();
    }

    /// <summary>Encodes once it is told to.</summary>
    private sealed class HeldEncoder : ISliceEncoder
    {
        private readonly SumEncoder _sum = new();

        public ManualResetEventSlim Begun { get; } = new();

        public ManualResetEventSlim Release { get; } = new();

        public EncoderCard Card => _sum.Card;

        public string Device => "cpu";

        public void Encode(ReadOnlySpan<float> slices, int count, SliceFormat format, Span<float> logits)
        {
            Begun.Set();
            Release.Wait();
            _sum.Encode(slices, count, format, logits);
        }

        public void Dispose()
        {
            Begun.Dispose();
            Release.Dispose();
        }
    }

    private sealed class FailingEncoder : ISliceEncoder
    {
        public EncoderCard Card { get; } = new SumEncoder().Card;

        public string Device => "cpu";

        public void Encode(ReadOnlySpan<float> slices, int count, SliceFormat format, Span<float> logits) =>
            throw new InvalidCastException("a bug");

        public void Dispose()
        {
        }
    }
}
