using System.Diagnostics.CodeAnalysis;
using ToNNO.Tomography.Geometry;

namespace ToNNO.Contracts.Wire;

/// <summary>What messages are made of, to and from its protobuf form.</summary>
internal static partial class WireParts
{
    public static Proto.Counts Write(RunCounts counts) => new()
    {
        Completed = counts.Completed,
        Warnings = counts.Warnings,
        Reused = counts.Reused,
        Failed = counts.Failed,
        Quarantined = counts.Quarantined,
        Canceled = counts.Canceled,
    };

    public static RunCounts Read(Proto.Counts? counts) =>
        new(Required(counts).Completed, counts.Warnings, counts.Reused, counts.Failed, counts.Quarantined, counts.Canceled);

    public static Proto.Blob Write(BlobRef blob) => new() { Path = blob.Path, Etag = blob.ETag };

    public static BlobRef Read(Proto.Blob? blob) => new(Required(blob).Path, blob.Etag);

    public static Proto.Range Write(DirectionRange range) => new() { First = range.First, Count = range.Count };

    public static DirectionRange Read(Proto.Range? range) => new(Required(range).First, range.Count);

    public static Proto.ReturnedLease Write(ReturnedLease lease) =>
        new() { RunId = lease.RunId.Value, VolumeId = lease.VolumeId.Value, Directions = Write(lease.Directions) };

    public static ReturnedLease Read(Proto.ReturnedLease lease) => new(new(lease.RunId), new(lease.VolumeId), Read(lease.Directions));

    public static Proto.LeaseEncoded Write(SliceProtocol.LeaseEncoded encoded)
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

    public static Proto.LeasesDescribed Write(SliceProtocol.LeasesDescribed leases)
    {
        var wire = new Proto.LeasesDescribed
        {
            Encoders = leases.Encoders,
            FreeEncoders = leases.FreeEncoders,
            Out = leases.Out,
            OldestAgeTicks = leases.OldestAge.Ticks,
            HandedOut = leases.HandedOut,
            Deaths = leases.Deaths,
            Nodes = { leases.Nodes.Select(node => new Proto.EncodingNode { Address = node.Address, Encoders = node.Encoders, Blocks = node.Blocks, Refusals = node.Refusals }) },
            LongestOut = { leases.LongestOut.Select(Write) },
        };
        if (leases.LeastMargin is { } margin)
        {
            wire.LeastMarginTicks = margin.Ticks;
        }

        return wire;
    }

    private static Proto.BlockOut Write(SliceProtocol.BlockOut block) => new()
    {
        RunId = block.RunId.Value,
        VolumeId = block.VolumeId.Value,
        Directions = Write(block.Directions),
        Address = block.Address,
        HandedOutAtTicks = block.HandedOutAt.UtcTicks,
        DueAtTicks = block.DueAt.UtcTicks,
    };

    public static SliceProtocol.BlockOut Read(Proto.BlockOut block) => new(
        new(block.RunId), new(block.VolumeId), Read(block.Directions), block.Address, new(block.HandedOutAtTicks, TimeSpan.Zero), new(block.DueAtTicks, TimeSpan.Zero));

    public static Proto.Vector Write(Vector3D v) => new() { X = v.X, Y = v.Y, Z = v.Z };

    public static Vector3D Read(Proto.Vector? v) => new(Required(v).X, v.Y, v.Z);

    /// <summary>A part that every version of a message has had; protobuf itself lets any part be absent.</summary>
    public static T Required<T>([NotNull] T? part)
        where T : class => part ?? throw new ArgumentException($"The message lacks its {typeof(T).Name}.");

    public static Proto.Task Write(VolumeTask task)
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

        if (task.Store is { } store)
        {
            wire.Store = store;
        }

        if (task.Label is { } label)
        {
            wire.Label = label;
        }

        return wire;
    }

    public static VolumeTask Read(Proto.Task? task) => new()
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
        Store = task.HasStore ? task.Store : null,
        Label = task.HasLabel ? task.Label : null,
        OwnIntensities = task.OwnIntensities.Count == 0 ? null : task.OwnIntensities.Select(Read).ToArray(),
    };

    public static Proto.Intensity Write(IntensityMap map) => new()
    {
        Low = map.Low,
        High = map.High,
        Fill = map.Fill,
        PixelLow = map.PixelLow,
        PixelHigh = map.PixelHigh,
        Rule = Write(map.Rule),
    };

    public static IntensityMap Read(Proto.Intensity map) => new(map.Low, map.High, map.Fill, map.PixelLow, map.PixelHigh, Read(map.Rule));

    public static Proto.WindowRule? Write(WindowRule? rule) => rule is null ? null : new() { Unit = (int)rule.Unit, BesidesFill = rule.BesidesFill };

    public static WindowRule? Read(Proto.WindowRule? rule) => rule is null ? null : new((WindowUnit)rule.Unit, rule.BesidesFill);
}
