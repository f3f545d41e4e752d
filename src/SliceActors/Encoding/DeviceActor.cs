using System.Diagnostics;
using Akka.Actor;
using ToNNO.Contracts;
using ToNNO.Encoders;

namespace ToNNO.SliceActors.Encoding;

/// <summary>Encodes what its parent has cut: one lease at a time, in order.</summary>
/// <remarks>Encoding is synchronous and holds the actor's thread: it runs on a dispatcher of its own, with one torch thread.</remarks>
internal sealed class DeviceActor : ReceiveActor
{
    public DeviceActor(LeaseEncoder leaseEncoder, EncoderPool pool, CancellationToken nodeStopping)
    {
        var idleSince = Stopwatch.GetTimestamp();
        Receive<Encode>(encode =>
        {
            if (encode.Cutter.IsGivenBack)
            {
                return;
            }

            try
            {
                using var borrowed = pool.Borrow(encode.Cutter.Task.Settings);
                var encoder = borrowed.Encoder;
                SliceTelemetry.StarvedOfLeases(Stopwatch.GetElapsedTime(idleSince), encoder.Device);
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

            idleSince = Stopwatch.GetTimestamp();
        });
    }

    protected override void PreRestart(Exception reason, object message)
    {
        if (message is Encode encode)
        {
            Context.Parent.Tell(new Refused(
                encode.Cutter, "internal.failure", "Encoding failed unexpectedly; the log says where. Please report it.", Blame.Passing));
        }

        base.PreRestart(reason, message);
    }

    /// <param name="ReadTime">What reading the volume took.</param>
    public sealed record Encode(LeaseCutter Cutter, TimeSpan ReadTime) : ILocalMessage;

    /// <param name="Elapsed">What it took on the device.</param>
    public sealed record Encoded(LeaseCutter Cutter, EncodedLease Lease, TimeSpan Elapsed) : ILocalMessage;

    public sealed record Refused(LeaseCutter Cutter, string Code, string Detail, Blame Blame) : ILocalMessage;

    /// <summary>The node stops, and nothing more is encoded.</summary>
    public sealed record Stopped : ILocalMessage;
}
