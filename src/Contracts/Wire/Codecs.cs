using System.Diagnostics.CodeAnalysis;
using Google.Protobuf;
using ToNNO.Tomography.Anytime;
using ToNNO.Tomography.Filtering;
using ToNNO.Tomography.Geometry;
using ToNNO.Tomography.Sampling;

namespace ToNNO.Contracts.Wire;

/// <summary>One row per wire message and version: manifest, writer, reader. Rows are only added.</summary>
internal static class Codecs
{
    public static IReadOnlyList<Codec> All { get; } =
    [
        Codec.Of("run.submit.v1", Proto.SubmitRun.Parser,
            (RunProtocol.SubmitRun m) => new Proto.SubmitRun { RunId = m.RunId.Value, Manifest = Write(m.Manifest) },
            p => new(new(p.RunId), Read(p.Manifest))),
        Codec.Of("run.accepted.v1", Proto.RunAccepted.Parser,
            (RunProtocol.RunAccepted m) => new Proto.RunAccepted { RunId = m.RunId.Value, VolumeCount = m.VolumeCount },
            p => new(new(p.RunId), p.VolumeCount)),
        Codec.Of("run.rejected.v1", Proto.RunRejected.Parser,
            (RunProtocol.RunRejected m) => new Proto.RunRejected { RunId = m.RunId.Value, ReasonCode = m.ReasonCode, Detail = m.Detail },
            p => new(new(p.RunId), p.ReasonCode, p.Detail)),
        Codec.Of("run.watch.v1", Proto.WatchRun.Parser,
            (RunProtocol.WatchRun m) => new Proto.WatchRun { RunId = m.RunId.Value },
            p => new(new(p.RunId))),
        Codec.Of("run.progressed.v1", Proto.RunProgressed.Parser,
            (RunProtocol.RunProgressed m) => new Proto.RunProgressed
            {
                RunId = m.RunId.Value, Volumes = m.Volumes, Concluded = m.Concluded, Fraction = m.Fraction, SlicesEncoded = m.SlicesEncoded,
            },
            p => new(new(p.RunId), p.Volumes, p.Concluded, p.Fraction, p.SlicesEncoded)),
        Codec.Of("run.volume-concluded.v1", Proto.VolumeConcluded.Parser,
            (RunProtocol.VolumeConcluded m) => new Proto.VolumeConcluded
            {
                RunId = m.RunId.Value, VolumeId = m.VolumeId.Value, State = (int)m.State, ReasonCode = m.ReasonCode, Detail = m.Detail, Reused = m.Reused, ElapsedTicks = m.Elapsed.Ticks,
            },
            p => new(new(p.RunId), new(p.VolumeId), (VolumeState)p.State, p.ReasonCode, p.Detail, p.Reused, new(p.ElapsedTicks))),
        Codec.Of("run.finished.v1", Proto.RunFinished.Parser,
            (RunProtocol.RunFinished m) => new Proto.RunFinished { RunId = m.RunId.Value },
            p => new(new(p.RunId))),
        Codec.Of("run.describe.v1", Proto.DescribeRun.Parser,
            (RunProtocol.DescribeRun m) => new Proto.DescribeRun { RunId = m.RunId.Value },
            p => new(new(p.RunId))),
        Codec.Of("run.control.v1", Proto.ControlRun.Parser,
            (RunProtocol.ControlRun m) => new Proto.ControlRun { RunId = m.RunId.Value, Control = (int)m.Control, Priority = m.Priority },
            p => new(new(p.RunId), (RunControl)p.Control, p.Priority)),
        Codec.Of("run.described.v1", Proto.RunDescribed.Parser,
            (RunProtocol.RunDescribed m) => new Proto.RunDescribed
            {
                RunId = m.RunId.Value, State = (int)m.State, Priority = m.Priority, SubmittedAtTicks = m.SubmittedAt.UtcTicks, Volumes = m.Volumes, Counts = Write(m.Counts),
                InWork = m.InWork, Fraction = m.Fraction, SlicesEncoded = m.SlicesEncoded,
            },
            p => new(
                new(p.RunId), (RunState)p.State, p.Priority, new(p.SubmittedAtTicks, TimeSpan.Zero), p.Volumes, Read(p.Counts), p.InWork, p.Fraction, p.SlicesEncoded)),

        Codec.Of("slice.request.v1", Proto.RequestLease.Parser,
            (SliceProtocol.RequestLease m) => new Proto.RequestLease { EncoderId = m.EncoderId, CachedVolumes = { m.CachedVolumes.Select(id => id.Value) } },
            p => new(p.EncoderId, p.CachedVolumes.Select(id => new VolumeId(id)).ToArray())),
        Codec.Of("slice.encode.v1", Proto.EncodeLease.Parser,
            (SliceProtocol.EncodeLease m) => new Proto.EncodeLease { Task = Write(m.Task), Directions = Write(m.Directions) },
            p => new(Read(p.Task), Read(p.Directions))),
        Codec.Of<SliceProtocol.LeaseEncoded, Proto.LeaseEncoded>("slice.encoded.v1", Proto.LeaseEncoded.Parser,
            Write,
            p => new(
                new(p.VolumeId), Read(p.Directions), Read(p.Rows), p.EncoderId, p.SlicesEncoded, p.HasElapsedTicks ? new TimeSpan(p.ElapsedTicks) : null)),
        Codec.Of("slice.rejected.v1", Proto.LeaseRejected.Parser,
            (SliceProtocol.LeaseRejected m) => new Proto.LeaseRejected
            {
                VolumeId = m.VolumeId.Value, Directions = Write(m.Directions), ReasonCode = m.ReasonCode, Detail = m.Detail, Transient = m.Transient,
            },
            p => new(new(p.VolumeId), Read(p.Directions), p.ReasonCode, p.Detail, p.Transient)),
        Codec.Of("slice.release.v1", Proto.ReleaseVolume.Parser,
            (SliceProtocol.ReleaseVolume m) => new Proto.ReleaseVolume { VolumeId = m.VolumeId.Value },
            p => new(new(p.VolumeId))),
        Codec.Of("slice.leaving.v1", Proto.EncoderLeaving.Parser,
            (SliceProtocol.EncoderLeaving m) => new Proto.EncoderLeaving { EncoderId = m.EncoderId, Returned = { m.Returned.Select(Write) } },
            p => new(p.EncoderId, p.Returned.Select(Read).ToArray())),
        Codec.Of("slice.may-leave.v1", Proto.EncoderMayLeave.Parser,
            (SliceProtocol.EncoderMayLeave m) => new Proto.EncoderMayLeave { EncoderId = m.EncoderId },
            p => new(p.EncoderId)),
        Codec.Of("slice.describe-leases.v1", Proto.DescribeLeases.Parser,
            (SliceProtocol.DescribeLeases _) => new Proto.DescribeLeases(),
            _ => new()),
        Codec.Of<SliceProtocol.LeasesDescribed, Proto.LeasesDescribed>("slice.leases-described.v1", Proto.LeasesDescribed.Parser,
            Write,
            p => new(
                p.Encoders, p.FreeEncoders, p.Out, new(p.OldestAgeTicks), p.HasLeastMarginTicks ? new TimeSpan(p.LeastMarginTicks) : null, p.HandedOut, p.Deaths)),

        Codec.Of("recon.apply.v1", Proto.ApplyRows.Parser,
            (ReconProtocol.ApplyRows m) => new Proto.ApplyRows { Task = Write(m.Task), Slab = m.Slab, Directions = Write(m.Directions), Rows = Write(m.Rows) },
            p => new(Read(p.Task), p.Slab, Read(p.Directions), Read(p.Rows))),
        Codec.Of("recon.applied.v1", Proto.RowsApplied.Parser,
            (ReconProtocol.RowsApplied m) => new Proto.RowsApplied { VolumeId = m.VolumeId.Value, Slab = m.Slab, NextDirection = m.NextDirection },
            p => new(new(p.VolumeId), p.Slab, p.NextDirection)),
        Codec.Of("recon.slab-completed.v1", Proto.SlabCompleted.Parser,
            (ReconProtocol.SlabCompleted m) => new Proto.SlabCompleted { VolumeId = m.VolumeId.Value, Slab = m.Slab, Voxels = Write(m.Voxels), ElapsedTicks = m.Elapsed.Ticks },
            p => new(new(p.VolumeId), p.Slab, Read(p.Voxels), new(p.ElapsedTicks))),
        Codec.Of("recon.slab-failed.v1", Proto.SlabFailed.Parser,
            (ReconProtocol.SlabFailed m) => new Proto.SlabFailed
            {
                VolumeId = m.VolumeId.Value, Slab = m.Slab, ReasonCode = m.ReasonCode, Detail = m.Detail, Transient = m.Transient,
            },
            p => new(new(p.VolumeId), p.Slab, p.ReasonCode, p.Detail, p.Transient)),
        Codec.Of("recon.publish.v1", Proto.PublishHeatmap.Parser,
            (ReconProtocol.PublishHeatmap m) => new Proto.PublishHeatmap
            {
                Task = Write(m.Task), Slabs = { m.Slabs.Select(Write) }, BackprojectionTicks = m.BackprojectionTime.Ticks, ElapsedTicks = m.Elapsed.Ticks,
                PassChanges = { m.PassChanges },
            },
            p => new(Read(p.Task), p.Slabs.Select(Read).ToArray(), new(p.BackprojectionTicks), new(p.ElapsedTicks), p.PassChanges.ToArray())),
        Codec.Of("recon.published.v1", Proto.HeatmapPublished.Parser,
            (ReconProtocol.HeatmapPublished m) => new Proto.HeatmapPublished { VolumeId = m.VolumeId.Value, Result = Write(m.Result), Warning = m.Warning },
            p => new(new(p.VolumeId), Read(p.Result), p.Warning)),
        Codec.Of("recon.publish-failed.v1", Proto.PublishFailed.Parser,
            (ReconProtocol.PublishFailed m) => new Proto.PublishFailed
            {
                VolumeId = m.VolumeId.Value, ReasonCode = m.ReasonCode, Detail = m.Detail, Transient = m.Transient,
            },
            p => new(new(p.VolumeId), p.ReasonCode, p.Detail, p.Transient)),
    ];

    private static Proto.Counts Write(RunCounts counts) => new()
    {
        Completed = counts.Completed,
        Warnings = counts.Warnings,
        Reused = counts.Reused,
        Failed = counts.Failed,
        Quarantined = counts.Quarantined,
        Canceled = counts.Canceled,
    };

    private static RunCounts Read(Proto.Counts? counts) =>
        new(Required(counts).Completed, counts.Warnings, counts.Reused, counts.Failed, counts.Quarantined, counts.Canceled);

    private static Proto.Blob Write(BlobRef blob) => new() { Path = blob.Path, Etag = blob.ETag };

    private static BlobRef Read(Proto.Blob? blob) => new(Required(blob).Path, blob.Etag);

    private static Proto.Range Write(DirectionRange range) => new() { First = range.First, Count = range.Count };

    private static DirectionRange Read(Proto.Range? range) => new(Required(range).First, range.Count);

    private static Proto.ReturnedLease Write(ReturnedLease lease) =>
        new() { RunId = lease.RunId.Value, VolumeId = lease.VolumeId.Value, Directions = Write(lease.Directions) };

    private static ReturnedLease Read(Proto.ReturnedLease lease) => new(new(lease.RunId), new(lease.VolumeId), Read(lease.Directions));

    private static Proto.LeaseEncoded Write(SliceProtocol.LeaseEncoded encoded)
    {
        var wire = new Proto.LeaseEncoded
        {
            VolumeId = encoded.VolumeId.Value,
            Directions = Write(encoded.Directions),
            Rows = Write(encoded.Rows),
            EncoderId = encoded.EncoderId,
            SlicesEncoded = encoded.SlicesEncoded,
        };
        if (encoded.Elapsed is { } elapsed)
        {
            wire.ElapsedTicks = elapsed.Ticks;
        }

        return wire;
    }

    private static Proto.LeasesDescribed Write(SliceProtocol.LeasesDescribed leases)
    {
        var wire = new Proto.LeasesDescribed
        {
            Encoders = leases.Encoders,
            FreeEncoders = leases.FreeEncoders,
            Out = leases.Out,
            OldestAgeTicks = leases.OldestAge.Ticks,
            HandedOut = leases.HandedOut,
            Deaths = leases.Deaths,
        };
        if (leases.LeastMargin is { } margin)
        {
            wire.LeastMarginTicks = margin.Ticks;
        }

        return wire;
    }

    private static Proto.Vector Write(Vector3D v) => new() { X = v.X, Y = v.Y, Z = v.Z };

    private static Vector3D Read(Proto.Vector? v) => new(Required(v).X, v.Y, v.Z);

    /// <summary>A part that every version of a message has had; protobuf itself lets any part be absent.</summary>
    private static T Required<T>([NotNull] T? part)
        where T : class => part ?? throw new ArgumentException($"The message lacks its {typeof(T).Name}.");

    private static Proto.Task Write(VolumeTask task)
    {
        var wire = new Proto.Task
        {
            RunId = task.RunId.Value,
            VolumeId = task.VolumeId.Value,
            SourceUris = { task.SourceUris },
            SourceSha256 = task.SourceSha256,
            Geometry = new Proto.Geometry
            {
                I = task.Geometry.Shape.I,
                J = task.Geometry.Shape.J,
                K = task.Geometry.Shape.K,
                StepI = Write(task.Geometry.Affine.I),
                StepJ = Write(task.Geometry.Affine.J),
                StepK = Write(task.Geometry.Affine.K),
                Origin = Write(task.Geometry.Affine.Origin),
            },
            Settings = Write(task.Settings),
            LeaseDirections = task.LeaseDirections,
            SlabCount = task.SlabCount,
        };
        if (task.StoppedAfter is { } directions)
        {
            wire.StoppedAfter = directions;
        }

        if (task.OwnIntensities is { } own)
        {
            wire.OwnIntensities.AddRange(own.Select(Write));
        }

        if (task.Guide is { } guide)
        {
            wire.Guide = Write(guide);
        }

        return wire;
    }

    private static VolumeTask Read(Proto.Task? task) => new()
    {
        RunId = new(Required(task).RunId),
        VolumeId = new(task.VolumeId),
        SourceUris = task.SourceUris.ToArray(),
        SourceSha256 = task.SourceSha256,
        Geometry = new VolumeGeometry(
            new VolumeShape(Required(task.Geometry).I, task.Geometry.J, task.Geometry.K),
            new AffineTransform(Read(task.Geometry.StepI), Read(task.Geometry.StepJ), Read(task.Geometry.StepK), Read(task.Geometry.Origin))),
        Settings = Read(task.Settings),
        LeaseDirections = task.LeaseDirections,
        SlabCount = task.SlabCount,
        StoppedAfter = task.HasStoppedAfter ? task.StoppedAfter : null,
        Guide = task.Guide is null ? null : Read(task.Guide),
        OwnIntensities = task.OwnIntensities.Count == 0 ? null : task.OwnIntensities.Select(Read).ToArray(),
    };

    private static Proto.Intensity Write(IntensityMap map) => new()
    {
        Low = map.Low,
        High = map.High,
        Fill = map.Fill,
        PixelLow = map.PixelLow,
        PixelHigh = map.PixelHigh,
        Rule = Write(map.Rule),
    };

    private static IntensityMap Read(Proto.Intensity map) => new(map.Low, map.High, map.Fill, map.PixelLow, map.PixelHigh, Read(map.Rule));

    private static Proto.WindowRule? Write(WindowRule? rule) => rule is null ? null : new() { Unit = (int)rule.Unit, BesidesFill = rule.BesidesFill };

    private static WindowRule? Read(Proto.WindowRule? rule) => rule is null ? null : new((WindowUnit)rule.Unit, rule.BesidesFill);

    private static Proto.Settings Write(RunSettings settings)
    {
        var wire = new Proto.Settings
        {
            Model = settings.Model,
            ModelSha256 = settings.ModelSha256,
            Set = (int)settings.Set,
            Directions = settings.Directions,
            Alpha = settings.Alpha,
            Window = (int)settings.Window,
            IntensityLow = settings.Intensities[0].Low,
            IntensityHigh = settings.Intensities[0].High,
            Fill = settings.Intensities[0].Fill,
            ThresholdOfPeak = settings.Threshold?.OfPeak ?? false,
            FurtherChannels = { settings.Intensities.Skip(1).Select(Write) },
            Rule = Write(settings.Intensities[0].Rule),
        };
        if ((settings.Intensities[0].PixelLow, settings.Intensities[0].PixelHigh) is var (low, high) && (low, high) != (0, 1))
        {
            (wire.PixelLow, wire.PixelHigh) = (low, high);
        }

        if (settings.Classes is not [var only] || only != ModelClass.Only)
        {
            wire.Classes.AddRange(settings.Classes.Select(one => new Proto.Class { Index = one.Index, Name = one.Name }));
        }

        if (settings.SpacingMm is { } spacing)
        {
            wire.SpacingMm = spacing;
        }

        if (settings.PixelMm is { } pixel)
        {
            wire.PixelMm = pixel;
        }

        if (settings.Size is { } size)
        {
            wire.Size = size;
        }

        if (settings.Threshold is { } threshold)
        {
            wire.Threshold = threshold.Value;
        }

        if (settings.Passes is { } passes)
        {
            wire.Passes = new Proto.Passes { Adaptive = passes.Adaptive };
            if (passes.Until is { } until)
            {
                wire.Passes.Until = until;
            }
        }

        if (settings.Cam is { } cam)
        {
            wire.Cam = new Proto.Cam { Method = (int)cam.Method, Kind = (int)cam.Kind, Layer = cam.Layer, CellPixels = cam.CellPixels };
        }

        return wire;
    }

    private static RunSettings Read(Proto.Settings? wire) => new()
    {
        Model = Required(wire).Model,
        ModelSha256 = wire.ModelSha256,
        Set = (DirectionSetKind)wire.Set,
        Directions = wire.Directions,
        SpacingMm = wire.HasSpacingMm ? wire.SpacingMm : null,
        PixelMm = wire.HasPixelMm ? wire.PixelMm : null,
        Size = wire.HasSize ? wire.Size : null,
        Alpha = wire.Alpha,
        Window = (FilterWindow)wire.Window,
        Intensities =
        [
            new IntensityMap(
                wire.IntensityLow, wire.IntensityHigh, wire.Fill, wire.HasPixelLow ? wire.PixelLow : 0, wire.HasPixelHigh ? wire.PixelHigh : 1, Read(wire.Rule)),
            .. wire.FurtherChannels.Select(Read),
        ],
        Classes = wire.Classes.Count == 0 ? [ModelClass.Only] : wire.Classes.Select(one => new ModelClass(one.Index, one.Name)).ToArray(),
        Threshold = wire.HasThreshold ? new HeatmapThreshold(wire.Threshold, wire.ThresholdOfPeak) : null,
        Passes = wire.Passes is { } passes ? new PassRule(passes.HasUntil ? passes.Until : null, passes.Adaptive) : null,
        Cam = wire.Cam is { } cam ? new CamSettings((CamMethod)cam.Method, (MapKind)cam.Kind, cam.Layer, cam.CellPixels) : null,
    };
}

/// <summary>How one message, at one version, becomes bytes.</summary>
/// <param name="Manifest">Names the message and version on the wire; type names never travel.</param>
internal sealed record Codec(string Manifest, Type MessageType, Func<IWireMessage, byte[]> Write, Func<byte[], IWireMessage> Read)
{
    private const int TraceParentField = 100;

    public static Codec Of<TMessage, TProto>(
        string manifest, MessageParser<TProto> parser, Func<TMessage, TProto> write, Func<TProto, TMessage> read)
        where TMessage : WireMessage
        where TProto : IMessage<TProto>, new()
    {
        var traceParent = new TProto().Descriptor.FindFieldByNumber(TraceParentField).Accessor;
        return new(
            manifest,
            typeof(TMessage),
            message =>
            {
                var proto = write((TMessage)message);
                if (message.TraceParent is { } span)
                {
                    traceParent.SetValue(proto, span);
                }

                return proto.ToByteArray();
            },
            bytes =>
            {
                var proto = parser.ParseFrom(bytes);
                var message = read(proto);
                return traceParent.HasValue(proto) ? message with { TraceParent = (string)traceParent.GetValue(proto) } : message;
            });
    }
}
