using System.Text;
using ToNNO.Tonno.DicomWeb;

namespace ToNNO.Tonno.Tests.DicomWeb;

public sealed class QidoSearchTests
{
    private const string Page =
        """[{"0020000D":{"vr":"UI","Value":["1.2.840.1"]},"0020000E":{"vr":"UI","Value":["1.2.840.2"]}},{"0020000D":{"vr":"UI","Value":["1.2"]},"0020000E":{"vr":"UI","Value":["1.3"]}}]""";

    private static readonly string[] _tags = [QidoSearch.StudyInstanceUid, QidoSearch.SeriesInstanceUid];

    /// <summary>Whatever a PACS answers is finds with sound UIDs, or a refusal that repeats none of it.</summary>
    [Fact]
    public void Finds_DamagedAnswer_UidsOrRefusal()
    {
        const int Count = 50_000;
        var (random, sound, refused) = (new Random(7), Encoding.UTF8.GetBytes(Page), 0);
        for (var round = 0; round < Count; round++)
        {
            byte[] bytes = [.. sound[..random.Next(sound.Length / 2, sound.Length + 1)]];
            for (var changes = random.Next(1, 4); changes > 0; changes--)
            {
                bytes[random.Next(bytes.Length)] = random.Next(3) == 0 ? (byte)random.Next(256) : (byte)"[]{}\":,\\u019.null"[random.Next(17)];
            }

            try
            {
                Assert.All(QidoSearch.Finds(random.Next(4) == 0 ? bytes : [.. bytes, .. sound[bytes.Length..]], _tags), uids => Assert.All(uids, uid => Assert.Matches("^[0-9]([0-9.]{0,62}[0-9])?$", uid)));
            }
            catch (PacsException refusal)
            {
                Assert.Equal("pacs.answer_invalid", refusal.Code);
                refused++;
            }
        }

        Assert.InRange(refused, Count / 50, Count - (Count / 50));
        Assert.Equal(["1.2.840.1", "1.2.840.2"], QidoSearch.Finds(sound, _tags)[0]);
    }

    [Theory]
    [InlineData("""[{"0020000D":{"Value":["\ud800"]},"0020000E":{"Value":["1"]}}]""")]
    [InlineData("""[{"0020000D":{"Value":["1","2"]},"0020000E":{"Value":["1"]}}]""")]
    [InlineData("""[{"0020000D":{"Value":["../1"]},"0020000E":{"Value":["1"]}}]""")]
    [InlineData("""[[["0020000D"]]]""")]
    [InlineData("""{}""")]
    public void Finds_NoSoundUid_Refused(string page) =>
        Assert.Equal("pacs.answer_invalid", Assert.Throws<PacsException>(() => QidoSearch.Finds(Encoding.UTF8.GetBytes(page), _tags)).Code);
}
