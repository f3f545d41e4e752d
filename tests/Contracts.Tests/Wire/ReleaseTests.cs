using System.Collections;
using Google.Protobuf;
using Google.Protobuf.Reflection;
using ToNNO.Contracts.Wire;
using Today = ToNNO.Contracts.Wire.Proto.MessagesReflection;

namespace ToNNO.Contracts.Tests.Wire;

/// <summary>Nodes of this version and of releases before it understand each other, message by message.</summary>
public sealed class ReleaseTests
{
    private const int Seeds = 100;

    public static TheoryData<string> Releases => [.. Release.Versions];

    public static TheoryData<string, string> RowsOfReleases =>
        new(from version in Release.Versions from codec in Codecs.All where new Release(version).Knows(codec.Manifest) select (version, codec.Manifest));

    /// <summary>What is released stands: from then on the program has a higher version.</summary>
    [Fact]
    public void Versions_ThatAreReleased_AreOlderThanThisOne()
    {
        if (Environment.GetEnvironmentVariable("TONNO_ADD_RELEASE") == "1" && !Release.Versions.Contains(Release.Current))
        {
            Release.AddCurrent();
            Assert.Fail($"{Release.Current} is written down now: commit it, and raise the version.");
        }

        Assert.NotEmpty(Release.Versions);
        Assert.All(Release.Versions, version => Assert.True(Version.Parse(version) < Version.Parse(Release.Current), $"{version} is released: raise the version"));
    }

    [Theory]
    [MemberData(nameof(Releases))]
    public void Proto_OfARelease_HasOnlyGrown(string version)
    {
        var release = new Release(version);
        Assert.Empty(ReleaseRules.Faults(release.Proto, Today.Descriptor));
        Assert.Empty(release.Enums.Except(Release.EnumsOfToday()));
        Assert.Empty(release.Messages.Select(message => message.Manifest).Except(Codecs.All.Select(codec => codec.Manifest)));
    }

    /// <summary>Nothing of what the release says is lost on today's readers: they give all of it back.</summary>
    [Theory]
    [MemberData(nameof(RowsOfReleases))]
    public void Goldens_OfARelease_AreReadWhole(string version, string manifest)
    {
        var (release, codec) = (new Release(version), CodecOf(manifest));
        var goldens = release.Messages.Where(message => message.Manifest == manifest).Select(message => message.Bytes).ToList();
        Assert.All(goldens, golden => Assert.Equal(release.Read(codec, golden), release.Read(codec, codec.Write(codec.Read(golden)))));
        Assert.Empty(Release.FieldsOf(release.Read(codec, []).Descriptor).Except(goldens.SelectMany(golden => Release.FieldsSet(release.Read(codec, golden)))));
    }

    /// <summary>The release's readers take today's messages as what they know of them, and leave out what was added since; all of what was added
    /// stood in some.</summary>
    [Theory]
    [MemberData(nameof(RowsOfReleases))]
    public void Messages_OfToday_AreReadByARelease(string version, string manifest)
    {
        var (release, codec) = (new Release(version), CodecOf(manifest));
        var ofToday = Today.Descriptor.FindTypeByName<MessageDescriptor>(codec.MessageType.Name);
        var added = Release.FieldsOf(ofToday).Except(Release.FieldsOf(release.Read(codec, []).Descriptor)).ToHashSet();
        for (var seed = 0; seed < Seeds; seed++)
        {
            var bytes = codec.Write((IWireMessage)new RandomContent(seed).Of(codec.MessageType));
            var message = ofToday.Parser.ParseFrom(bytes);
            added.ExceptWith(Release.FieldsSet(message));
            LeaveOut(message, release.Proto);
            Assert.Equal(message, ofToday.Parser.ParseFrom(release.Read(codec, bytes).ToByteArray()));
        }

        Assert.Empty(added);
    }

    /// <summary>The rule notices what it is there for.</summary>
    [Fact]
    public void Faults_OfDamagedMessages_AreNoticed()
    {
        Assert.Empty(ReleaseRules.Faults(Today.Descriptor, Damaged(_ => { })));
        Assert.Empty(ReleaseRules.Faults(Today.Descriptor, Damaged(file => Message(file, "Range").Field.Add(new FieldDescriptorProto { Name = "added", Number = 3, Type = FieldDescriptorProto.Types.Type.Bool }))));
        Action<FileDescriptorProto>[] damages =
        [
            file => file.MessageType.Remove(Message(file, "ReleaseVolume")),
            file => Message(file, "Range").Field.RemoveAt(1),
            file => Message(file, "Range").Field[0].Name = "begin",
            file => Message(file, "Range").Field[0].Number = 7,
            file => Message(file, "Range").Field[0].Type = FieldDescriptorProto.Types.Type.Int64,
            file => Message(file, "Range").Field[0].Label = FieldDescriptorProto.Types.Label.Repeated,
            file => Message(file, "ApplyRows").Field[2].TypeName = ".tonno.v1.Blob",
            file => (Message(file, "Range").Field[0].Number, Message(file, "Range").Field[1].Number) = (2, 1),
        ];
        Assert.All(damages, damage => Assert.Single(ReleaseRules.Faults(Today.Descriptor, Damaged(damage)).Take(1)));
    }

    /// <summary>Documents of a release's store, which a node of today goes on from. The work is the same work: no heatmap is made again.</summary>
    [Theory]
    [MemberData(nameof(Releases))]
    public void Documents_OfARelease_AreRead(string version)
    {
        var release = new Release(version);
        var run = Documents.TryParse<RunDocument>(release.Document("run.json"));
        Assert.Equal((2, RunState.Finished, new RunCounts(1, 0, 0, 0, 1, 0)), (run!.InputCount, run.State, run.Counts));
        var inputs = Documents.TryParse<RunInputPage>(release.Document("inputs.json"))!.Inputs;
        Assert.Equal([("one", "/archive/one.nii"), ("text", "/archive/text.nii")], inputs.Select(input => (input.VolumeId.Value, Assert.Single(input.Uris))));
        var result = Documents.TryParse<VolumeResult>(release.Document("result.json"))!;
        Assert.Equal((run.RunId, 4), (result.RunId, result.Files.Count));
        Assert.Equal(result.WorkKey, VolumeTask.WorkKeyOf(result.Input.Sha256, run.Settings));
    }

    /// <summary>docs/operations.md tells of each version how it is upgraded to, and which kernel it has.</summary>
    [Fact]
    public void Operations_OfVersions_TellsOfEach()
    {
        var lines = Release.Operations().Where(line => line.StartsWith("| ", StringComparison.Ordinal)).ToList();
        Assert.All(Release.Versions, version => Assert.Single(lines, line => line.StartsWith($"| {version} | ", StringComparison.Ordinal)));
        Assert.Single(lines, line => line.StartsWith($"| {Release.Current} | {VolumeTask.KernelVersion} | ", StringComparison.Ordinal));
    }

    private static Codec CodecOf(string manifest) => Codecs.All.Single(codec => codec.Manifest == manifest);

    /// <summary>Clears what a release does not know.</summary>
    private static void LeaveOut(IMessage message, FileDescriptor release)
    {
        var known = release.FindTypeByName<MessageDescriptor>(message.Descriptor.Name);
        foreach (var field in message.Descriptor.Fields.InDeclarationOrder())
        {
            if (known.FindFieldByNumber(field.FieldNumber) is null)
            {
                field.Accessor.Clear(message);
            }
            else if (field.FieldType == FieldType.Message)
            {
                var value = field.Accessor.GetValue(message);
                foreach (var held in value is IList list ? list.Cast<IMessage>() : value is IMessage one ? [one] : [])
                {
                    LeaveOut(held, release);
                }
            }
        }
    }

    private static FileDescriptor Damaged(Action<FileDescriptorProto> damage)
    {
        var file = Today.Descriptor.ToProto();
        damage(file);
        return Assert.Single(FileDescriptor.BuildFromByteStrings([file.ToByteString()]));
    }

    private static DescriptorProto Message(FileDescriptorProto file, string name) => file.MessageType.Single(message => message.Name == name);
}
