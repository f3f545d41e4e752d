using Akka.Actor;
using Akka.TestKit;
using Akka.TestKit.Xunit;
using ToNNO.Contracts.Wire;

namespace ToNNO.Tests.Support;

/// <summary>Specs of actors whose timers run on virtual time and whose messages all go through their serializers.</summary>
public abstract class VirtualTimeSpecs() : TestKit(
    $$"""
    akka.scheduler.implementation = "Akka.TestKit.TestScheduler, Akka.TestKit"
    akka.test.single-expect-default = 20s # on a busy machine; what comes is never waited for longer than it takes
    akka { loglevel = OFF, stdout-loglevel = OFF }
    {{WireSerializer.Configuration}}
    {{FallbackGuard.Configuration}}
    """)
{
    protected override void AfterAll()
    {
        base.AfterAll();
        Assert.Empty(FallbackGuard.Refused);
    }

    /// <summary>Lets time pass for an actor that has handled all that was sent to it so far.</summary>
    protected void Pass(TimeSpan time, IActorRef actor)
    {
        Settle(actor);
        ((TestScheduler)Sys.Scheduler).Advance(time);
    }

    /// <summary>Returns when an actor has handled all that was sent to it so far.</summary>
    protected void Settle(IActorRef actor)
    {
        var probe = CreateTestProbe();
        actor.Tell(new Identify(null), probe);
        probe.ExpectMsg<ActorIdentity>();
    }

    /// <summary>That nothing comes, without waiting: what was on its way has come when <paramref name="actor"/> has handled it.</summary>
    protected void ExpectNothing(TestProbe probe, IActorRef actor)
    {
        ArgumentNullException.ThrowIfNull(probe);
        Settle(actor);
        Assert.False(probe.HasMessages, "a message came");
    }
}
