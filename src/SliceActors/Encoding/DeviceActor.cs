using System.Diagnostics;
using Akka.Actor;
using ToNNO.Contracts;
using ToNNO.Encoders;

namespace ToNNO.SliceActors.Encoding;

/// <summary>Encodes what its parent has cut: one lease at a time, in order.</summary>
/// <remarks>Encoding is synchronous and holds the actor's thread: it runs on a dispatcher of its own, with one torch thread.</remarks>
internal sealed class DeviceActor : ReceiveActor, IWithTimers
{
    /// <summary>Idle time is told while it lasts, and not as one lump with the lease that ends it.</summary>
    private static readonly TimeSpan _tellEvery = TimeSpan.FromSeconds(5);

    private readonly string _device;
    private long _idleSince = Stopwatch.GetTimestamp();

    /// <param name="device">As metrics call it.</param>
    public DeviceActor(LeaseEncoder leaseEncoder, EncoderPool pool, string device, CancellationToken nodeStopping)
    {
        _device = device;
        Receive<Tell>(_ => Starved());
        Receive<Encode>(encode =>
        {
            if (encode.Cutter.IsGivenBack)
            {
                return;
            }

            Starved();
            try
            {
                using var borrowed = pool.Borrow(encode.Cutter.Task.Settings);
                var encoder = borrowed.Encoder;
                var begun = Stopwatch.GetTimestamp();
                using var timing = SliceTelemetry.Stage("encode", encode.Cutter.Task.TraceParent);
                var lease = leaseEncoder.Encode(encode.Cutter, encoder, encode.ReadTime, nodeStopping);
                Context.Parent.Tell(new Encoded(encode.Cutter, lease, Stopwatch.GetElapsedTime(begun)));
            }
            catch (OperationCanceledException) when (nodeStopping.IsCancellationRequested)
            {
                Context.Parent.Tell(new Stopped());
            }
            catch (EncoderException refused)
            {
                Context.Parent.Tell(new Refused(encode.Cutter, refused.Code, refused.Message, Blames.Of(refused)));
            }

            _idleSince = Stopwatch.GetTimestamp();
        });
    }

    public ITimerScheduler Timers { get; set; } = null!;

    protected override void PreStart() => Timers.StartPeriodicTimer(nameof(Tell), new Tell(), _tellEvery);

    protected override void PreRestart(Exception reason, object message)
    {
        if (message is Encode encode)
        {
            Context.Parent.Tell(new Refused(
                encode.Cutter, "internal.failure", "Encoding failed unexpectedly; the log says where. Please report it.", Blame.Passing));
        }

        base.PreRestart(reason, message);
    }

    private void Starved()
    {
        var now = Stopwatch.GetTimestamp();
        SliceTelemetry.StarvedOfLeases(Stopwatch.GetElapsedTime(_idleSince, now), _device);
        _idleSince = now;
    }

    /// <param name="ReadTime">What reading the volume took.</param>
    public sealed record Encode(LeaseCutter Cutter, TimeSpan ReadTime) : ILocalMessage;

    /// <param name="Elapsed">What it took on the device.</param>
    public sealed record Encoded(LeaseCutter Cutter, EncodedLease Lease, TimeSpan Elapsed) : ILocalMessage;

    public sealed record Refused(LeaseCutter Cutter, string Code, string Detail, Blame Blame) : ILocalMessage;

    /// <summary>The node stops, and nothing more is encoded.</summary>
    public sealed record Stopped : ILocalMessage;

    private sealed record Tell : ILocalMessage;
}
