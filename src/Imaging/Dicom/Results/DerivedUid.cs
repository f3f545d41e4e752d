using System.Numerics;
using System.Security.Cryptography;
using System.Text;

namespace ToNNO.Imaging.Dicom.Results;

/// <summary>UIDs that follow from what they name: the same result is the same instance wherever and whenever it is made.</summary>
internal static class DerivedUid
{
    /// <summary>Root of UIDs that are made of UUIDs (PS3.5, B.2).</summary>
    private const string Root = "2.25.";

    /// <param name="parts">What is named; none of them holds a line feed.</param>
    public static string Of(params string[] parts)
    {
        var hash = SHA256.HashData(Encoding.UTF8.GetBytes(string.Join('\n', parts)));
        var uuid = hash.AsSpan(0, 16);
        (uuid[6], uuid[8]) = ((byte)((uuid[6] & 0x0F) | 0x80), (byte)((uuid[8] & 0x3F) | 0x80)); // version 8: of one's own making (RFC 9562)
        return Root + new BigInteger(uuid, isUnsigned: true, isBigEndian: true).ToString(System.Globalization.CultureInfo.InvariantCulture);
    }
}
