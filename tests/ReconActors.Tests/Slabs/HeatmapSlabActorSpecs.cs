using System.Diagnostics;
using System.Runtime.InteropServices;
using Akka.Actor;
using Akka.Cluster.Sharding;
using Akka.TestKit;
using ToNNO.Contracts;
using ToNNO.ReconActors.Slabs;
using ToNNO.Storage;
using ToNNO.Tests.Support;
using ToNNO.Tomography.Backprojection;
using ToNNO.Tomography.Filtering;
using ToNNO.Tomography.Lifting;

namespace ToNNO.ReconActors.Tests.Slabs;

public sealed class HeatmapSlabActorSpecs : VirtualTimeSpecs
{
    private static readonly VolumeTask _task = SmallWork.Task();
    private static readonly IReadOnlyList<DirectionRange> _leases = SmallWork.Leases(_task);
    private readonly TemporaryFolder _folder = new();
    private readonly ScriptedStore _store;
    private readonly HeardSpans _spans = new();
    private readonly ReconOptions _options = new();
    private readonly TestProbe _shard;
    private readonly TestProbe _feeder;
    private readonly IActorRef _slab;

    public HeatmapSlabActorSpecs()
    {
        (_shard, _feeder) = (CreateTestProbe(), CreateTestProbe());
        _store = new ScriptedStore(new LocalFolderStore(_folder.Path));
        _slab = _shard.ChildActorOf(Props.Create(() => new HeatmapSlabActor(_store, _options)), new OneForOneStrategy(_ => Directive.Restart));
    }

    [Fact]
    public async Task ApplyRows_AllLeasesInOrder_VoxelsEqualTheWholeReconstruction()
    {
        foreach (var lease in _leases)
        {
            await ApplyAsync(lease, slab: 1);
            if (lease != _leases[^1])
            {
                Assert.Equal(lease.End, _feeder.ExpectMsg<ReconProtocol.RowsApplied>().NextDirection);
            }
        }

        var completed = _feeder.ExpectMsg<ReconProtocol.SlabCompleted>();
        _shard.ExpectMsg<Passivate>();
        var voxels = MemoryMarshal.Cast<byte, float>((await _store.ReadAsync(completed.Voxels.Path, CancellationToken.None)).Bytes.Span).ToArray();
        var plan = _task.Plan();
        var sinogram = _leases.SelectMany(lease => Work.Rows(_task, lease).Logits).ToArray();
        var whole = Backprojector.Reconstruct(
            sinogram, 0, _task.Geometry, plan, ProfileFilter.Create(2, FilterWindow.None, plan.SpacingMm, plan.OffsetCount));
        Assert.Equal(whole[(4 * 64)..], voxels);
    }

    [Theory]
    [InlineData(CamMethod.Averaged)]
    [InlineData(CamMethod.Tomographic)]
    public async Task ApplyRows_Maps_AreLiftedDirectionByDirection(CamMethod method)
    {
        var task = _task with { LeaseDirections = 24, Settings = _task.Settings with { Alpha = 1, Cam = new CamSettings(method, MapKind.GradCam, "l", 4) } };
        var plan = task.Plan();
        var (filter, whole) = (ProfileFilter.Create(1, FilterWindow.None, plan.SpacingMm, plan.OffsetCount), new float[task.Geometry.Shape.VoxelCount]);
        foreach (var lease in task.Leases())
        {
            for (var direction = lease.First; direction < lease.End; direction++)
            {
                var stack = Work.Stack(task, direction);
                (method == CamMethod.Tomographic
                    ? MapField.Filtered(stack.Maps, stack.Blank, stack.Grid, plan, direction, filter)
                    : MapField.Of(stack.Maps, stack.Grid, plan, direction)).AddTo(whole, task.Geometry, 0, plan.Directions.Weights[direction]);
                await _store.WriteAsync(task.StackPath(0, direction), (stream, _) => { stack.WriteTo(stream); return Task.CompletedTask; }, CancellationToken.None);
            }

            var rows = await Work.StoreAsync(_store, task, lease);
            _slab.Tell(new ReconProtocol.ApplyRows(task, 1, lease, rows), _feeder);
            if (lease.End < plan.Directions.Count)
            {
                Assert.Equal(lease.End, _feeder.ExpectMsg<ReconProtocol.RowsApplied>().NextDirection);
            }
        }

        var completed = _feeder.ExpectMsg<ReconProtocol.SlabCompleted>();
        var voxels = MemoryMarshal.Cast<byte, float>((await _store.ReadAsync(completed.Voxels.Path, CancellationToken.None)).Bytes.Span).ToArray();
        Assert.Equal(whole[(4 * 64)..], voxels);
        Assert.Contains(voxels, value => value != 0);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task ApplyRows_SlabOfTheSecondClass_TakesItsRowsOrMaps(bool maps)
    {
        var task = _task with
        {
            LeaseDirections = 48,
            SlabCount = 4,
            Settings = _task.Settings with
            {
                Classes = [new(0, "a"), new(1, "b")],
                Cam = maps ? new CamSettings(CamMethod.Averaged, MapKind.GradCam, "l", 4) : null,
            },
        };
        var (plan, lease, whole) = (task.Plan(), task.Leases().Single(), new float[task.Geometry.Shape.VoxelCount]);
        for (var direction = 0; maps && direction < lease.End; direction++)
        {
            foreach (var classAt in new[] { 0, 1 })
            {
                var stack = Work.Stack(task, direction, classAt);
                await _store.WriteAsync(task.StackPath(classAt, direction), (stream, _) => { stack.WriteTo(stream); return Task.CompletedTask; }, CancellationToken.None);
            }

            var second = Work.Stack(task, direction, classAt: 1);
            MapField.Of(second.Maps, second.Grid, plan, direction).AddTo(whole, task.Geometry, 0, plan.Directions.Weights[direction]);
        }

        if (!maps)
        {
            var filter = ProfileFilter.Create(task.Settings.Alpha, task.Settings.Window, plan.SpacingMm, plan.OffsetCount);
            whole = Backprojector.Reconstruct(Work.Rows(task, lease).Of(1), 0, task.Geometry, plan, filter);
        }

        var rows = await Work.StoreAsync(_store, task, lease);
        _slab.Tell(new ReconProtocol.ApplyRows(task, 3, lease, rows), _feeder);

        var completed = _feeder.ExpectMsg<ReconProtocol.SlabCompleted>();
        var voxels = MemoryMarshal.Cast<byte, float>((await _store.ReadAsync(completed.Voxels.Path, CancellationToken.None)).Bytes.Span).ToArray();
        Assert.Equal(whole[(4 * 64)..], voxels);
    }

    [Fact]
    public async Task ApplyRows_MapsDamaged_Fails()
    {
        var task = _task with { LeaseDirections = 1, Settings = _task.Settings with { Cam = new CamSettings(CamMethod.Averaged, MapKind.GradCam, "l", 4) } };
        await _store.WriteAsync(task.StackPath(0, 0), new byte[40], WriteCondition.Always, CancellationToken.None);
        var rows = await Work.StoreAsync(_store, task, new(0, 1));
        _slab.Tell(new ReconProtocol.ApplyRows(task, 0, new(0, 1), rows), _feeder);
        Assert.Equal("rows.corrupt", _feeder.ExpectMsg<ReconProtocol.SlabFailed>().ReasonCode);
    }

    [Fact]
    public async Task ApplyRows_OutOfOrder_SaysWhereItStands()
    {
        await ApplyAsync(_leases[1]);
        Assert.Equal(0, _feeder.ExpectMsg<ReconProtocol.RowsApplied>().NextDirection);
        await ApplyAsync(_leases[0]);
        Assert.Equal(16, _feeder.ExpectMsg<ReconProtocol.RowsApplied>().NextDirection);
        await ApplyAsync(_leases[2]);
        Assert.Equal(16, _feeder.ExpectMsg<ReconProtocol.RowsApplied>().NextDirection);
    }

    /// <summary>The file behind a volume was replaced meanwhile, say: rows of both would make a heatmap of neither.</summary>
    [Fact]
    public async Task ApplyRows_OfOtherWorkOnTheVolume_BeginsAnew()
    {
        await ApplyAsync(_leases[0]);
        Assert.Equal(16, _feeder.ExpectMsg<ReconProtocol.RowsApplied>().NextDirection);
        var other = _task with { SourceSha256 = new string('e', 64) };
        Assert.NotEqual(_task.WorkKey, other.WorkKey);
        var rows = await Work.StoreAsync(_store, other, _leases[1]);
        _slab.Tell(new ReconProtocol.ApplyRows(other, 0, _leases[1], rows), _feeder.Ref);
        Assert.Equal(0, _feeder.ExpectMsg<ReconProtocol.RowsApplied>().NextDirection);
    }

    [Fact]
    public async Task ApplyRows_SameLeaseTwice_AppliedOnce()
    {
        await ApplyAsync(_leases[0]);
        _feeder.ExpectMsg<ReconProtocol.RowsApplied>();
        await ApplyAsync(_leases[0]);
        Assert.Equal(16, _feeder.ExpectMsg<ReconProtocol.RowsApplied>().NextDirection);
    }

    [Fact]
    public async Task ApplyRows_AskedAgainWhileReading_AnswersOnce()
    {
        var reading = new TaskCompletionSource();
        await Work.StoreAsync(_store, _task, _leases[0]);
        _store.Before = call => call.Operation == StoreOperation.Read ? reading.Task : Task.CompletedTask;
        await ApplyAsync(_leases[0]);
        await ApplyAsync(_leases[0]);
        Settle(_slab);
        reading.SetResult();
        _feeder.ExpectMsg<ReconProtocol.RowsApplied>();
        ExpectNothing(_feeder, _slab);
    }

    [Fact]
    public async Task ApplyRows_CorruptRows_FailsAndBeginsAnew()
    {
        await ApplyAsync(_leases[0]);
        _feeder.ExpectMsg<ReconProtocol.RowsApplied>();
        var path = _task.RowsPath(_leases[1]);
        var bytes = Work.Rows(_task, _leases[1]).ToBytes();
        bytes[100] ^= 1;
        await _store.WriteAsync(path, bytes, WriteCondition.Always, CancellationToken.None);
        _slab.Tell(new ReconProtocol.ApplyRows(_task, 0, _leases[1], new BlobRef(path, "")), _feeder.Ref);
        Assert.Equal("rows.corrupt", _feeder.ExpectMsg<ReconProtocol.SlabFailed>().ReasonCode);
        await ApplyAsync(_leases[1]);
        Assert.Equal(0, _feeder.ExpectMsg<ReconProtocol.RowsApplied>().NextDirection);
    }

    [Fact]
    public void ApplyRows_RowsMissing_FailsWithTheStoresCode()
    {
        _slab.Tell(new ReconProtocol.ApplyRows(_task, 0, _leases[0], SmallWork.Blob("nowhere")), _feeder.Ref);
        var failed = _feeder.ExpectMsg<ReconProtocol.SlabFailed>();
        Assert.Equal(("store.not_found", true), (failed.ReasonCode, failed.Transient));
    }

    [Fact]
    public async Task ApplyRows_OfAnotherStore_FailsAndSaysSo()
    {
        var task = _task with { Store = await StoreMark.EnsureAsync(_store, CancellationToken.None) };
        var rows = await Work.StoreAsync(_store, task, _leases[0]);
        _slab.Tell(new ReconProtocol.ApplyRows(task with { Store = Guid.NewGuid().ToString("N") }, 0, _leases[0], rows), _feeder.Ref);
        var failed = _feeder.ExpectMsg<ReconProtocol.SlabFailed>();
        Assert.Equal(("store.other", true), (failed.ReasonCode, failed.Transient));
        Assert.Contains(Environment.MachineName, failed.Detail, StringComparison.Ordinal);
        _slab.Tell(new ReconProtocol.ApplyRows(task, 0, _leases[0], rows), _feeder.Ref);
        _feeder.ExpectMsg<ReconProtocol.RowsApplied>();
    }

    [Fact]
    public async Task ApplyRows_VoxelsCannotBeWritten_FailsAndCanBeFedAnew()
    {
        _store.Before = call => call.Path.Contains("slab-", StringComparison.Ordinal) ? throw ScriptedStore.Unavailable() : Task.CompletedTask;
        await ApplyAllAsync();
        Assert.Equal("store.unavailable", _feeder.ExpectMsg<ReconProtocol.SlabFailed>().ReasonCode);
        _store.Before = _ => Task.CompletedTask;
        await ApplyAllAsync();
        _feeder.ExpectMsg<ReconProtocol.SlabCompleted>();
    }

    [Fact]
    public async Task ApplyRows_UnexpectedFailure_IsAnsweredAndTheSlabStartsAgain()
    {
        await ApplyAsync(_leases[0]);
        _feeder.ExpectMsg<ReconProtocol.RowsApplied>();
        _store.Before = call => call.Operation == StoreOperation.Read ? throw new InvalidCastException("a bug") : Task.CompletedTask;
        await ApplyAsync(_leases[1]);
        var failed = _feeder.ExpectMsg<ReconProtocol.SlabFailed>();
        Assert.Equal(("internal.failure", true), (failed.ReasonCode, failed.Transient));
        var span = Assert.Single(_spans.Ended, span => span.OperationName == "slab");
        Assert.Equal((ActivityStatusCode.Error, "internal.failure"), (span.Status, span.StatusDescription));
        _store.Before = _ => Task.CompletedTask;
        await ApplyAsync(_leases[1]);
        Assert.Equal(0, _feeder.ExpectMsg<ReconProtocol.RowsApplied>().NextDirection);
    }

    /// <summary>Once a slab, however many leases it took, and under its span.</summary>
    [Fact]
    public async Task ApplyRows_AllLeases_TellsOfEachStageOnce()
    {
        await ApplyAllAsync();
        _feeder.ExpectMsg<ReconProtocol.SlabCompleted>();
        var stages = _spans.Ended;
        Assert.Equal(["slab.backproject", "slab.filter", "slab.read", "slab.write"], stages.Select(span => span.OperationName).Order(StringComparer.Ordinal));
        Assert.Single(stages.Select(span => span.ParentSpanId).Distinct());
        Assert.All(stages, span => Assert.InRange((double)span.GetTagItem("tonno.busy")!, 0, span.Duration.TotalSeconds + 1e-6));
    }

    [Fact]
    public void Idle_TooLong_Passivates()
    {
        Pass(_options.PassivateAfter, _slab);
        _shard.ExpectMsg<Passivate>();
    }

    protected override void AfterAll()
    {
        base.AfterAll();
        _spans.Dispose();
        _folder.Dispose();
    }

    private async Task ApplyAsync(DirectionRange lease, int slab = 0) =>
        _slab.Tell(new ReconProtocol.ApplyRows(_task, slab, lease, await Work.StoreAsync(_store, _task, lease)) { TraceParent = _spans.TraceParent }, _feeder.Ref);

    private async Task ApplyAllAsync()
    {
        foreach (var lease in _leases)
        {
            await ApplyAsync(lease);
            if (lease != _leases[^1])
            {
                _feeder.ExpectMsg<ReconProtocol.RowsApplied>();
            }
        }
    }
}
