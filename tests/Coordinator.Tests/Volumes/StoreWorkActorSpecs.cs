using Akka.Actor;
using Akka.TestKit;
using ToNNO.Coordinator.Volumes;
using ToNNO.Tests.Support;
using static ToNNO.Coordinator.Volumes.StoreWorkActor;

namespace ToNNO.Coordinator.Tests.Volumes;

public sealed class StoreWorkActorSpecs : VirtualTimeSpecs
{
    private readonly CoordinatorOptions _options = new() { MaximumStoreFailures = 3 };
    private readonly TestProbe _parent;
    private readonly IActorRef _worker;

    public StoreWorkActorSpecs()
    {
        var options = _options;
        _parent = CreateTestProbe();
        _worker = _parent.ChildActorOf(Props.Create(() => new StoreWorkActor(options, "ledger", null)));
    }

    /// <summary>What was told last is done last, however long what was told before it takes; and each is tried as often as the first.</summary>
    [Fact]
    public void Work_StoreFailsMeanwhile_OneAfterTheOtherInTheirOrder()
    {
        foreach (var name in new[] { "one", "two", "three" })
        {
            _worker.Tell(Failing(name, times: 2));
        }

        Assert.Equal(["one", "two", "three"], Enumerable.Range(0, 3).Select(_ => (string)InTime()));
    }

    [Fact]
    public void Work_StoreFailsTooOften_IsTold_AndTheNextIsDone()
    {
        var (lost, next) = (Failing("lost", times: 3), Failing("next", times: 2));
        _worker.Tell(lost);
        _worker.Tell(next);
        var failed = Assert.IsType<Failed>(InTime());
        Assert.Same(lost, failed.Of);
        Assert.Equal("store.unavailable", Assert.IsType<Storage.BlobStoreException>(failed.Error).Code);
        Assert.Equal("next", InTime());
    }

    [Fact]
    public void Work_FailsForAnotherReason_IsToldAtOnce()
    {
        _worker.Tell(new Work(_ => throw new InvalidOperationException("no")));
        Assert.IsType<InvalidOperationException>(_parent.ExpectMsg<Failed>().Error);
    }

    [Fact]
    public void Work_NothingAnswers_FailsAfterTheDeadlineWhateverComesLaterAndTheNextIsDone()
    {
        var (answer, canceled) = (new TaskCompletionSource<object>(), CancellationToken.None);
        _worker.Tell(new Work(cancel =>
        {
            canceled = cancel;
            return answer.Task;
        }));
        _worker.Tell(new Work(_ => Task.FromResult<object>("next")));
        AwaitCondition(() => canceled.CanBeCanceled);
        Pass(_options.StoreDeadline, _worker);
        var failed = Assert.IsType<Storage.BlobStoreException>(_parent.ExpectMsg<Failed>().Error);
        Assert.Equal("ledger.silent", failed.Code);
        Assert.Contains("akka://", failed.Message, StringComparison.Ordinal);
        Assert.True(canceled.IsCancellationRequested);
        Assert.Equal("next", _parent.ExpectMsg<string>());
        answer.SetResult("late");
        ExpectNothing(_parent, _worker);
    }

    private static Work Failing(string name, int times) =>
        new(_ => times-- > 0 ? throw ScriptedStore.Unavailable() : Task.FromResult<object>(name));

    /// <summary>Lets time pass until the parent hears something.</summary>
    private object InTime()
    {
        AwaitCondition(
            () =>
            {
                Pass(_options.StoreRetryPause, _worker);
                return _parent.HasMessages;
            },
            TimeSpan.FromSeconds(20));
        return _parent.ReceiveOne(TimeSpan.Zero);
    }
}
