using System.Text;
using System.Text.RegularExpressions;

namespace ToNNO.Imaging.Dicom;

/// <summary>Texts of a data set in the letters that it says it is written in (SpecificCharacterSet; PS3.3, C.12.1.1.2).</summary>
internal static partial class CharacterSet
{
    /// <summary>The text of an attribute; empty where it is absent. What the character set does not have becomes a mark of its own.</summary>
    public static string Text(DataSet set, uint tag)
    {
        if (set.Find(tag) is not { Value: { Length: > 0 } value })
        {
            return "";
        }

        var names = set.Text(DicomTag.SpecificCharacterSet)?.Split('\\', StringSplitOptions.TrimEntries) ?? [];
        var name = names.LastOrDefault(given => given.Length > 0) ?? "";
        var number = name.StartsWith("ISO_IR ", StringComparison.Ordinal) ? name[7..] : name.StartsWith("ISO 2022 IR ", StringComparison.Ordinal) ? name[12..] : name;
        var encoding = number switch
        {
            "192" => Encoding.UTF8,
            "GB18030" or "GBK" => CodePage("gb18030"),
            "58" => CodePage("gb2312"),
            "149" => CodePage("euc-kr"),
            "87" or "159" => CodePage("iso-2022-jp"),
            "13" => CodePage("shift_jis"),
            "166" => CodePage("windows-874"),
            "101" => CodePage("iso-8859-2"),
            "109" => CodePage("iso-8859-3"),
            "110" => CodePage("iso-8859-4"),
            "144" => CodePage("iso-8859-5"),
            "127" => CodePage("iso-8859-6"),
            "126" => CodePage("iso-8859-7"),
            "138" => CodePage("iso-8859-8"),
            "148" => CodePage("iso-8859-9"),
            "203" => CodePage("iso-8859-15"),
            _ => Encoding.Latin1,
        };
        var text = encoding.GetString(value.Span).Trim(' ', '\0');
        return number is "87" or "159" ? text : Escape().Replace(text, "");
    }

    private static Encoding CodePage(string name) => CodePagesEncodingProvider.Instance.GetEncoding(name) ?? Encoding.Latin1;

    /// <summary>Tells of another character set from there on (ISO 2022).</summary>
    [GeneratedRegex("\u001B[\\x20-\\x2F]+[\\x30-\\x7E]")]
    private static partial Regex Escape();
}
