using System.Collections;
using Akka.Actor;
using Akka.Configuration;
using ToNNO.Contracts.Wire;
using ToNNO.Tomography.Filtering;
using ToNNO.Tomography.Geometry;
using ToNNO.Tomography.Sampling;

namespace ToNNO.Contracts.Tests.Wire;

/// <summary>Every message between nodes, through the serializer that Akka binds to it.</summary>
public sealed class WireSerializerTests : IDisposable
{
    private const int WireLimitBytes = 64 * 1024;

    private readonly ActorSystem _system = ActorSystem.Create("wire", ConfigurationFactory.ParseString(
        WireSerializer.Configuration + "\nakka { loglevel = OFF, stdout-loglevel = OFF }"));

    public static TheoryData<string> Manifests => [.. Codecs.All.Select(codec => codec.Manifest)];

    private static IEnumerable<Type> MessageTypes => typeof(IWireMessage).Assembly.GetTypes()
        .Where(type => typeof(IWireMessage).IsAssignableFrom(type) && type is { IsClass: true, IsAbstract: false });

    public void Dispose() => _system.Dispose();

    [Fact]
    public void Codecs_EveryMessage_HasARowAndNoRowIsWithoutMessage()
    {
        Assert.NotEmpty(MessageTypes);
        // More than one row of a type would be versions, of which the serializer must then choose; today there is one each.
        Assert.Equal(MessageTypes.Select(type => type.FullName).Order(), Codecs.All.Select(codec => codec.MessageType.FullName).Order());
        Assert.Equal(Codecs.All.Count, Codecs.All.Select(codec => codec.Manifest).Distinct().Count());
        Assert.All(Codecs.All, codec => Assert.Matches(@"^[a-z]+\.[a-z-]+\.v\d+$", codec.Manifest));
    }

    [Theory]
    [MemberData(nameof(Manifests))]
    public void RoundTrip_RandomContent_IsEqual(string manifest)
    {
        var type = CodecOf(manifest).MessageType;
        for (var seed = 0; seed < 200; seed++)
        {
            var message = new RandomContent(seed).Of(type);
            var serializer = Assert.IsType<WireSerializer>(_system.Serialization.FindSerializerFor(message));
            Assert.Equal(manifest, serializer.Manifest(message));

            var back = _system.Serialization.Deserialize(serializer.ToBinary(message), serializer.Identifier, manifest);

            Assert.IsType(type, back);
            Assert.Equal(Describe(message), Describe(back));
        }
    }

    [Theory]
    [MemberData(nameof(Manifests))]
    public void Golden_EveryRow_IsReadAndWrittenAsStored(string manifest)
    {
        var codec = CodecOf(manifest);
        var message = Sample(codec.MessageType);

        var golden = Golden.Require(manifest, codec.Write(message));

        Assert.Equal(Describe(message), Describe(codec.Read(golden)));
        Assert.Equal(Convert.ToBase64String(golden), Convert.ToBase64String(codec.Write(message)));
    }

    [Fact]
    public void Golden_EveryFile_HasARow() => Assert.Empty(Golden.Names.Except(Codecs.All.Select(codec => codec.Manifest)));

    [Theory]
    [MemberData(nameof(Manifests))]
    public void Write_LargestRealisticContent_StaysBelowTheLimit(string manifest)
    {
        var bytes = CodecOf(manifest).Write(Sample(CodecOf(manifest).MessageType, large: true));
        Assert.True(bytes.Length < WireLimitBytes, $"{manifest}: {bytes.Length} bytes");
    }

    [Fact]
    public void FromBinary_UnknownManifest_IsRefused()
    {
        var serializer = (WireSerializer)_system.Serialization.FindSerializerFor(new RunProtocol.WatchRun(new("r")));
        foreach (var manifest in new[] { "", "run.watch.v9", "RUN.WATCH.V1", typeof(RunProtocol.WatchRun).AssemblyQualifiedName! })
        {
            Assert.Throws<ArgumentException>(() => serializer.FromBinary([], manifest));
        }
    }

    [Fact]
    public void FindSerializerFor_TypeWithoutSerializer_IsRefused()
    {
        Assert.ThrowsAny<Exception>(() => _system.Serialization.FindSerializerFor(new Unregistered("x")));
        Assert.ThrowsAny<Exception>(() => _system.Serialization.Serialize(new Unregistered("x")));
    }

    [Fact]
    public void ToBinary_MessageWithoutRow_IsRefused() => Assert.Throws<ArgumentException>(
        () => ((WireSerializer)_system.Serialization.FindSerializerFor(new Rowless())).ToBinary(new Rowless()));

    [Theory]
    [MemberData(nameof(Manifests))]
    public void FromBinary_DamagedBytes_IsReadOrRefusedAsMalformed(string manifest)
    {
        var codec = CodecOf(manifest);
        var whole = codec.Write(Sample(codec.MessageType));
        var random = new Random(7);
        for (var round = 0; round < 500; round++)
        {
            var bytes = whole[..random.Next(whole.Length + 1)];
            if (bytes.Length > 0)
            {
                bytes[random.Next(bytes.Length)] ^= (byte)(1 << random.Next(8));
            }

            try
            {
                codec.Read(bytes);
            }
            catch (Exception malformed) when (malformed is Google.Protobuf.InvalidProtocolBufferException or ArgumentException)
            {
                // Refused: Akka drops the message and says so.
            }
        }
    }

    private static Codec CodecOf(string manifest) => Codecs.All.Single(codec => codec.Manifest == manifest);

    /// <summary>A message written out member by member: records compare their lists by reference.</summary>
    private static string Describe(object? value) => value switch
    {
        null => "null",
        string text => $"\"{text}\"",
        IEnumerable list => $"[{string.Join(", ", list.Cast<object>().Select(Describe))}]",
        double or float => FormattableString.Invariant($"{value:R}"),
        _ when value.GetType().IsPrimitive || value.GetType().IsEnum || value is TimeSpan or DateTimeOffset => FormattableString.Invariant($"{value}"),
        _ => $"{value.GetType().Name}({string.Join(", ", value.GetType().GetProperties().Where(p => p.GetMethod!.IsStatic == false && IsStored(p)).Select(p => $"{p.Name}: {Describe(p.GetValue(value))}"))})",
    };

    private static bool IsStored(System.Reflection.PropertyInfo property) =>
        property.DeclaringType!.GetField($"<{property.Name}>k__BackingField", System.Reflection.BindingFlags.Instance | System.Reflection.BindingFlags.NonPublic) is not null;

    /// <summary>One fixed message of each type: what the goldens hold. Never change a row; a new version has its own.</summary>
    /// <param name="large">With the most that a large clinical volume and a long error message bring.</param>
    private static IWireMessage Sample(Type type, bool large = false)
    {
        var run = new RunId("run-7");
        var volume = new VolumeId(large ? new string('v', 64) : "sub-01");
        var hash = new string('c', 64);
        var rows = new BlobRef($".tonno/tasks/{volume}/0123456789abcdef/rows-000016", hash);
        var lease = new DirectionRange(16, 32);
        BlobRef Slab(int slab) => new($".tonno/tasks/{volume}/90d8a2f275d62e33/slab-{slab:D4}", hash);
        var detail = large ? new string('d', 4096) : "the slice is blank";
        var slabs = large ? 211 : 2; // 768 x 768 x 1500 voxels
        var task = new VolumeTask
        {
            RunId = run,
            VolumeId = volume,
            SourceUris = [large ? $"/{new string('p', 1024)}" : "/archive/sub-01.nii.gz"],
            SourceSha256 = hash,
            Geometry = new VolumeGeometry(new VolumeShape(64, 48, 32), new AffineTransform(new(-0.8, 0, 0), new(0, 1, 0), new(0, 0, 1.25), new(10, -20, 30.5))),
            Settings = new RunSettings
            {
                Model = "builtin:sum",
                ModelSha256 = hash,
                Set = DirectionSetKind.Rings,
                Directions = 256,
                SpacingMm = 1.5,
                Size = 96,
                Alpha = 2,
                Window = FilterWindow.Hann,
                Intensities = [new IntensityMap(-160, float.PositiveInfinity, -1024)],
                Threshold = new HeatmapThreshold(0.4, OfPeak: true),
            },
            LeaseDirections = 32,
            SlabCount = slabs,
        };
        IWireMessage[] samples =
        [
            new RunProtocol.SubmitRun(run, new BlobRef($".tonno/runs/{run}.json", hash)),
            new RunProtocol.RunAccepted(run, 51),
            new RunProtocol.RunRejected(run, "run.manifest_unreadable", detail),
            new RunProtocol.WatchRun(run),
            new RunProtocol.RunProgressed(run, 51, 7, 0.15, 123_456_789_012),
            new RunProtocol.VolumeConcluded(run, volume, VolumeState.Quarantined, "volume.not_3d", detail, Reused: true, TimeSpan.FromSeconds(12.5)),
            new RunProtocol.RunFinished(run),
            new RunProtocol.DescribeRun(run),
            new RunProtocol.ControlRun(run, RunControl.Prioritize, 5),
            new RunProtocol.RunDescribed(
                run, RunState.Paused, 5, new DateTimeOffset(2026, 11, 24, 18, 30, 0, TimeSpan.Zero), 51, new RunCounts(7, 1, 2, 3, 4, 0), 8, 0.25, 123_456_789_012),
            new SliceProtocol.RequestLease("node-1/cuda:0", Enumerable.Range(0, large ? 500 : 2).Select(n => new VolumeId($"{volume}-{n}")).ToArray()),
            new SliceProtocol.EncodeLease(task, lease),
            new SliceProtocol.LeaseEncoded(volume, lease, rows, "node-1/cuda:0", 4096),
            new SliceProtocol.LeaseRejected(volume, lease, "encoder.failed", detail, Transient: true),
            new SliceProtocol.ReleaseVolume(volume),
            new SliceProtocol.EncoderLeaving("node-1/cuda:0", Enumerable.Range(0, large ? 100 : 2).Select(at => new ReturnedLease(run, volume, new(16 * at, 16))).ToArray()),
            new SliceProtocol.EncoderMayLeave("node-1/cuda:0"),
            new SliceProtocol.DescribeLeases(),
            new StoreProtocol.DescribeStore(),
            new StoreProtocol.StoreDescribed(new string('5', 32)),
            new SliceProtocol.LeasesDescribed(1000, 3, 2991, TimeSpan.FromSeconds(41), TimeSpan.FromSeconds(79), 123456789, 5,
                [.. Enumerable.Range(0, large ? 1000 : 0).Select(at => new SliceProtocol.EncodingNode($"akka.tcp://tonno@10.0.{at >> 8}.{at & 255}:4053", 1, 3, 7))],
                [.. Enumerable.Range(0, large ? SliceProtocol.LeasesDescribed.MostLongestOut : 0).Select(at => new SliceProtocol.BlockOut(
                    run, volume, new(16 * at, 16), $"akka.tcp://tonno@10.0.0.{at}:4053", new(2026, 11, 30, 9, 30, at, TimeSpan.Zero), new(2026, 11, 30, 9, 32, at, TimeSpan.Zero)))]),
            new ReconProtocol.ApplyRows(task, 1, lease, rows),
            new ReconProtocol.RowsApplied(volume, 1, 48),
            new ReconProtocol.SlabCompleted(volume, 1, Slab(1), TimeSpan.FromMilliseconds(40)),
            new ReconProtocol.SlabFailed(volume, 1, "store.unavailable", detail, Transient: true),
            new ReconProtocol.PublishHeatmap(
                task, Enumerable.Range(0, slabs).Select(Slab).ToArray(), TimeSpan.FromSeconds(3), TimeSpan.FromMinutes(2), []),
            new ReconProtocol.HeatmapPublished(volume, new BlobRef(VolumeResult.PathOf(volume), hash), "some slices were cut off"),
            new ReconProtocol.PublishFailed(volume, "store.unavailable", detail, Transient: false),
        ];
        return Assert.Single(samples, sample => sample.GetType() == type);
    }

    private sealed record Unregistered(string Text);

    private sealed record Rowless : WireMessage;
}
