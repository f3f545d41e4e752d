using System.Collections.Frozen;
using System.Text;
using System.Text.RegularExpressions;

namespace ToNNO.Imaging.Dicom.Results;

/// <summary>What a result carries over from its source, byte for byte: who the patient is, which study, which frame of reference.</summary>
/// <remarks>Held while a result is written, and nowhere else. Texts only, so byte orders do not matter.</remarks>
internal sealed partial class CarriedAttributes
{
    private static readonly TypedTag _characterSet = new(0x0008_0005, "CS");
    private static readonly TypedTag _patientName = new(0x0010_0010, "PN");
    private static readonly TypedTag _patientId = new(0x0010_0020, "LO");
    private static readonly TypedTag _studyInstanceUid = new(DicomTag.StudyInstanceUid, "UI");
    private static readonly TypedTag _frameOfReferenceUid = new(DicomTag.FrameOfReferenceUid, "UI");
    private static readonly TypedTag _deidentificationCodes = new(DicomTag.DeidentificationMethodCodeSequence, "SQ");

    /// <summary>Must be there, and may be empty (type 2 of PS3.5, 7.4).</summary>
    private static readonly TypedTag[] _evenEmpty =
    [
        new(0x0008_0020, "DA"), new(0x0008_0030, "TM"), new(0x0008_0050, "SH"), new(0x0008_0090, "PN"), // study date, time, accession, physician
        _patientName, _patientId, new(0x0010_0030, "DA"), new(0x0010_0040, "CS"), // birth date, sex
        new(0x0020_0010, "SH"), new(0x0020_1040, "LO"), // study id, position reference
    ];

    private static readonly TypedTag[] _ifThere =
    [
        _characterSet, new(0x0008_1030, "LO"), // study description
        new(0x0010_0021, "LO"), new(0x0010_0032, "TM"), new(0x0010_1000, "LO"), new(0x0010_1001, "PN"), // issuer of the id, birth time, other ids and names
        new(0x0010_1010, "AS"), new(0x0010_1020, "DS"), new(0x0010_1030, "DS"), new(0x0010_2160, "SH"), new(0x0010_4000, "LT"), // age, size, weight, ethnic group, comments
        new(0x0012_0062, "CS"), new(0x0012_0063, "LO"), new(0x0028_0303, "CS"), // how it was de-identified
    ];

    /// <summary>Those that say whose image it is: carried even where they break a rule, since nothing else may stand in their place.</summary>
    private static readonly TypedTag[] _identity = [_patientName, _patientId];

    /// <summary>What is read of a file for it.</summary>
    public static readonly FrozenSet<uint> Tags =
    [
        .. _evenEmpty.Concat(_ifThere).Select(tag => tag.Tag), _studyInstanceUid.Tag, _frameOfReferenceUid.Tag, _deidentificationCodes.Tag,
        ResultTags.CodeValue.Tag, ResultTags.CodingSchemeDesignator.Tag, ResultTags.CodeMeaning.Tag,
    ];

    private readonly Dictionary<uint, byte[]> _values = [];
    private readonly List<WrittenSet> _deidentification = [];

    private CarriedAttributes(DataSet head, string name)
    {
        StudyInstanceUid = Uid(head, _studyInstanceUid.Tag, "StudyInstanceUID", name);
        FrameOfReferenceUid = Uid(head, _frameOfReferenceUid.Tag, "FrameOfReferenceUID", name);
        var countsBytes = head.Text(_characterSet.Tag) is not { } set || (set.StartsWith("ISO_IR ", StringComparison.Ordinal) && set != "ISO_IR 192");
        foreach (var tag in _evenEmpty.Concat(_ifThere))
        {
            if (head.Find(tag.Tag) is not { Value: var value })
            {
                continue;
            }

            if (_identity.Contains(tag) && value.Length >= ushort.MaxValue)
            {
                throw DicomImage.Missing(name, "PatientName or PatientID"); // no sound value, and none that could be written
            }

            if (_identity.Contains(tag) || IsSound(tag.Vr, value.Span, countsBytes))
            {
                _values[tag.Tag] = value.ToArray(); // a copy: the file's bytes are not to be held for it
            }
        }

        foreach (var code in head.Items(_deidentificationCodes.Tag))
        {
            var item = new WrittenSet();
            foreach (var tag in (TypedTag[])[ResultTags.CodeValue, ResultTags.CodingSchemeDesignator, ResultTags.CodeMeaning])
            {
                item.Bytes(tag, code.Find(tag.Tag) is { Value: var value } && IsSound(tag.Vr, value.Span, countsBytes) ? value.Span : []);
            }

            _deidentification.Add(item);
        }
    }

    public string StudyInstanceUid { get; }

    public string FrameOfReferenceUid { get; }

    /// <exception cref="ImagingException">A study or frame of reference is not named.</exception>
    public static CarriedAttributes Of(DataSet head, string name) => new(head, name);

    /// <summary>A UID that results refer to.</summary>
    /// <exception cref="ImagingException">It is missing, or no UID (PS3.5, 9.1).</exception>
    public static string Uid(DataSet set, uint tag, string keyword, string name)
    {
        const int Longest = 64;
        return set.Text(tag) is { Length: <= Longest } uid && uid.All(letter => char.IsAsciiDigit(letter) || letter == '.') ? uid : throw DicomImage.Missing(name, keyword);
    }

    /// <summary>True where both are of one patient and one study.</summary>
    public bool IsSameStudyAs(CarriedAttributes other) =>
        StudyInstanceUid == other.StudyInstanceUid && _identity.All(tag => Trimmed(tag).SequenceEqual(other.Trimmed(tag)));

    public void AddTo(WrittenSet set)
    {
        set.Text(_studyInstanceUid, StudyInstanceUid).Text(_frameOfReferenceUid, FrameOfReferenceUid);
        foreach (var tag in _evenEmpty)
        {
            set.Bytes(tag, _values.GetValueOrDefault(tag.Tag, []));
        }

        foreach (var tag in _ifThere.Where(tag => _values.ContainsKey(tag.Tag)))
        {
            set.Bytes(tag, _values[tag.Tag]);
        }

        if (_deidentification.Count > 0)
        {
            set.Sequence(_deidentificationCodes, _deidentification);
        }
    }

    private ReadOnlySpan<byte> Trimmed(TypedTag tag) => _values.GetValueOrDefault(tag.Tag, []).AsSpan().TrimEnd((byte)' ');

    /// <summary>False for a value that is longer than its representation allows: in a result it would be the result's fault.</summary>
    /// <param name="countsBytes">Each character of free text is a byte, whatever it is.</param>
    private static bool IsSound(string vr, ReadOnlySpan<byte> value, bool countsBytes)
    {
        countsBytes |= !value.ContainsAnyExceptInRange((byte)' ', (byte)'~');
        var most = vr switch
        {
            "AS" => 4,
            "DA" => 8,
            "TM" or "CS" or "DS" => 16,
            "SH" when countsBytes => 16,
            "LO" when countsBytes => 64,
            _ => ushort.MaxValue - 1,
        };
        return Encoding.Latin1.GetString(value).Split('\\').Select(one => one.Trim(' ', '\0')).All(one => one.Length <= most && vr switch
        {
            "DA" => one.Length is 0 or 8 && one.All(char.IsAsciiDigit),
            "TM" => Time().IsMatch(one),
            "CS" => one.All(letter => char.IsAsciiLetterUpper(letter) || char.IsAsciiDigit(letter) || letter is ' ' or '_'),
            _ => true,
        });
    }

    [GeneratedRegex("^([0-9]{2}([0-9]{2}([0-9]{2}([.][0-9]{1,6})?)?)?)?\\z")]
    private static partial Regex Time();
}
