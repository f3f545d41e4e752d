using Akka.Actor;
using Akka.TestKit;
using ToNNO.Contracts;
using ToNNO.Coordinator.Volumes;
using ToNNO.Storage;
using ToNNO.Tests.Support;
using ToNNO.Tomography.Anytime;
using ToNNO.Tomography.Geometry;
using static ToNNO.Coordinator.Scheduling.LeaseProtocol;
using static ToNNO.Coordinator.Volumes.VolumeProtocol;

namespace ToNNO.Coordinator.Tests.Volumes;

public sealed class PassesActorSpecs : VirtualTimeSpecs
{
    private const float Blank = -2;
    private readonly TemporaryFolder _folder = new();
    private readonly ScriptedStore _store;
    private readonly TestProbe _volume;
    private readonly TestProbe _desk;

    public PassesActorSpecs()
    {
        (_volume, _desk) = (CreateTestProbe(), CreateTestProbe());
        _desk.IgnoreMessages(message => message is LeaseClosed);
        _store = new ScriptedStore(new LocalFolderStore(_folder.Path));
    }

    [Fact]
    public void Started_NoRule_SettlesAllDirectionsBeforeTheyAreEncoded()
    {
        var task = SmallWork.Task();
        Begin(task);

        Assert.Equal(SmallWork.Directions, _volume.ExpectMsg<DirectionsSettled>().Directions);
        Assert.Equal(task.Leases(), _desk.ExpectMsg<LeasesOffered>().Ranges);
        Encoded(task, task.Leases().First(), _ => 0);
        _volume.ExpectMsg<RowsStored>();
        Assert.DoesNotContain(_store.Calls, call => call.Operation == StoreOperation.Read);
    }

    [Fact]
    public void Judged_NothingChanges_SettledAfterTheSecondPass()
    {
        var task = Ruled(new PassRule(Until: 0.5));
        Begin(task);

        EncodePass(task, 0, _ => Blank);
        EncodePass(task, 1, _ => Blank);

        var settled = _volume.ExpectMsg<DirectionsSettled>();
        Assert.Equal(48, settled.Directions);
        Assert.Equal([double.NaN, 0], settled.PassChanges);
        Assert.False(_desk.HasMessages);
    }

    [Fact]
    public void Judged_StillChanging_EveryPassIsOfferedAndAllDirectionsSettled()
    {
        var task = Ruled(new PassRule(Until: 1e-6));
        Begin(task);

        for (var pass = 0; pass < task.Passes().Count(); pass++)
        {
            EncodePass(task, pass, Noise);
        }

        var settled = _volume.ExpectMsg<DirectionsSettled>();
        Assert.Equal(100, settled.Directions);
        Assert.Equal(task.Passes().Count(), settled.PassChanges.Count);
        Assert.All(settled.PassChanges.Skip(1), change => Assert.True(change > 1e-6));
    }

    [Fact]
    public async Task Judged_AdaptiveWithOneLesion_NextPassBearsAGuideThatIsInTheStore()
    {
        var task = Ruled(new PassRule(Adaptive: true));
        Begin(task);

        EncodePass(task, 0, Lesion(task));

        var offered = _desk.ExpectMsg<LeasesOffered>();
        var pass = task.Passes().ElementAt(1);
        Assert.Equal(task.GuidePath(pass), offered.Task.Guide?.Path);
        var blob = await _store.ReadAsync(task.GuidePath(pass), CancellationToken.None);
        var guide = RowsBlob.TryParse(blob.Bytes.Span, pass, task.Plan().OffsetCount, 1)!;
        Assert.InRange(guide.Logits.Count(float.IsNaN), 1, guide.Logits.Length / 2);
        Assert.Equal(blob.ETag.Value, offered.Task.Guide?.ETag);
    }

    [Fact]
    public async Task Judged_GuideOfAnEarlierRun_Stands()
    {
        var task = Ruled(new PassRule(Adaptive: true));
        var pass = task.Passes().ElementAt(1);
        var former = new RowsBlob(pass, task.Plan().OffsetCount, [Blank], default, new float[pass.Count * task.Plan().OffsetCount]);
        var etag = await _store.WriteAsync(task.GuidePath(pass), former.ToBytes(), WriteCondition.Always, CancellationToken.None);
        Begin(task);

        EncodePass(task, 0, Lesion(task));

        Assert.Equal(etag.Value, _desk.ExpectMsg<LeasesOffered>().Task.Guide?.ETag);
    }

    [Fact]
    public async Task Started_RowsOfAnEarlierRun_CountAndAreNotOffered()
    {
        var task = Ruled(new PassRule(Until: 0.5));
        var stored = new List<RowsStored>();
        foreach (var lease in task.Leases().Where(lease => lease.First is 0 or 16 or 40))
        {
            stored.Add(new RowsStored(lease, await StoreAsync(task, lease, _ => Blank), 0));
        }

        Begin(task, stored);

        Assert.Equal([8, 24], _desk.ExpectMsg<LeasesOffered>().Ranges.Select(range => range.First).Order());
        Encoded(task, new DirectionRange(8, 8), _ => Blank);
        Encoded(task, new DirectionRange(24, 8), _ => Blank);
        Assert.Equal([32], _desk.ExpectMsg<LeasesOffered>().Ranges.Select(range => range.First));
        Encoded(task, new DirectionRange(32, 8), _ => Blank);
        Assert.Equal(48, Settled());
    }

    [Fact]
    public void Taken_RowsCannotBeRead_VolumeFailsWithTheStoresCode()
    {
        var task = Ruled(new PassRule(Until: 0.5));
        Begin(task);
        _desk.ExpectMsg<LeasesOffered>();
        _store.Before = call => call.Operation == StoreOperation.Read ? throw ScriptedStore.Unavailable() : Task.CompletedTask;

        Encoded(task, task.Leases().First(), _ => 0);

        _volume.ExpectMsg<RowsStored>();
        Assert.Equal(("store.unavailable", VolumeState.Failed), _volume.ExpectMsg<StageFailed>() is var failed ? (failed.ReasonCode, failed.State) : default);
    }

    protected override void AfterAll()
    {
        base.AfterAll();
        _folder.Dispose();
    }

    private static VolumeTask Ruled(PassRule rule)
    {
        var task = SmallWork.Task(edge: 24, leaseDirections: 8);
        return task with { Settings = task.Settings with { Directions = 100, Passes = rule } };
    }

    private static float Noise(int at) => (((at * 7919) % 101) / 101f) - 0.5f;

    /// <summary>Area of a ball of 2 voxels off the centre, in units of its largest section.</summary>
    private static Func<int, float> Lesion(VolumeTask task)
    {
        var plan = task.Plan();
        return at =>
        {
            var distance = plan.OffsetMm(at % plan.OffsetCount) - plan.Directions.Normals[at / plan.OffsetCount].Dot(new Vector3D(5, -4, 3));
            return Blank + (float)Math.Max(0, 1 - (distance * distance / 4));
        };
    }

    private void Begin(VolumeTask task, IReadOnlyList<RowsStored>? stored = null)
    {
        var inspection = new Inspection(task, [.. task.Leases()], stored ?? [], task.Plan().Directions.Count, 1, Done: null);
        var services = new VolumeServices(
            new FakeInspector(), new Ledger(_store, TimeProvider.System, epoch: 1), _store, _desk.Ref, Nobody.Instance, Nobody.Instance, new CoordinatorOptions { MaximumStoreFailures = 1 }, TimeProvider.System)
        { Gate = Nobody.Instance, Admission = Nobody.Instance };
        _volume.ChildActorOf(Props.Create(() => new PassesActor(inspection, services, VolumeDeaths.None)));
    }

    private void EncodePass(VolumeTask task, int pass, Func<int, float> logit)
    {
        var leases = task.Leases(task.Passes().ElementAt(pass)).ToList();
        Assert.Equal(leases, _desk.ExpectMsg<LeasesOffered>().Ranges.OrderBy(range => range.First));
        foreach (var lease in Enumerable.Reverse(leases))
        {
            Encoded(task, lease, logit);
            Assert.Equal(lease, _volume.ExpectMsg<RowsStored>().Directions);
        }
    }

    private void Encoded(VolumeTask task, DirectionRange lease, Func<int, float> logit)
    {
        var rows = StoreAsync(task, lease, logit).GetAwaiter().GetResult();
        _desk.LastSender.Tell(new SliceProtocol.LeaseEncoded(task.VolumeId, lease, rows, "e", 5));
    }

    /// <param name="logit">By place in the whole sinogram.</param>
    private async Task<BlobRef> StoreAsync(VolumeTask task, DirectionRange lease, Func<int, float> logit)
    {
        var offsets = task.Plan().OffsetCount;
        var logits = Enumerable.Range(lease.First * offsets, lease.Count * offsets).Select(logit).ToArray();
        var etag = await _store.WriteAsync(
            task.RowsPath(lease), new RowsBlob(lease, offsets, [Blank], default, logits).ToBytes(), WriteCondition.Always, CancellationToken.None);
        return new BlobRef(task.RowsPath(lease), etag.Value);
    }

    private int Settled() => ((DirectionsSettled)_volume.FishForMessage(message => message is DirectionsSettled)).Directions;
}
