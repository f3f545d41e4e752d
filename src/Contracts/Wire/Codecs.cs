using static ToNNO.Contracts.Wire.WireParts;

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
                InWork = m.InWork, Fraction = m.Fraction, SlicesEncoded = m.SlicesEncoded, Awaited = m.Awaited,
            },
            p => new(
                new(p.RunId), (RunState)p.State, p.Priority, new(p.SubmittedAtTicks, TimeSpan.Zero), p.Volumes, Read(p.Counts), p.InWork, p.Fraction, p.SlicesEncoded, p.Awaited)),

        Codec.Of("store.describe.v1", Proto.DescribeStore.Parser,
            (StoreProtocol.DescribeStore _) => new Proto.DescribeStore(),
            _ => new()),
        Codec.Of("store.described.v1", Proto.StoreDescribed.Parser,
            (StoreProtocol.StoreDescribed m) => new Proto.StoreDescribed { Mark = m.Mark },
            p => new(p.Mark)),

        Codec.Of("slice.request.v1", Proto.RequestLease.Parser,
            (SliceProtocol.RequestLease m) => new Proto.RequestLease
            {
                EncoderId = m.EncoderId, CachedVolumes = { m.CachedVolumes.Select(id => id.Value) }, InHand = { (m.InHand ?? []).Select(Write) }, TellsInHand = m.InHand is not null,
            },
            p => new(p.EncoderId, p.CachedVolumes.Select(id => new VolumeId(id)).ToArray(), p.TellsInHand ? p.InHand.Select(Read).ToArray() : null)),
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
                VolumeId = m.VolumeId.Value, Directions = Write(m.Directions), ReasonCode = m.ReasonCode, Detail = m.Detail, Transient = m.Transient, OfNode = m.OfNode,
            },
            p => new(new(p.VolumeId), Read(p.Directions), p.ReasonCode, p.Detail, p.Transient, p.OfNode)),
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
                p.Encoders, p.FreeEncoders, p.Out, new(p.OldestAgeTicks), p.HasLeastMarginTicks ? new TimeSpan(p.LeastMarginTicks) : null, p.HandedOut, p.Deaths,
                [.. p.Nodes.Select(node => new SliceProtocol.EncodingNode(node.Address, node.Encoders, node.Blocks, node.Refusals))],
                [.. p.LongestOut.Select(Read)])),

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
}
