using System.Security.Cryptography;
using System.Text;

namespace ToNNO.Imaging;

/// <summary>Hashes by which what may name a patient is told from others, where it is not to be named.</summary>
public static class Pseudonym
{
    /// <param name="salt">Without it, none who guesses the text can tell by the hash that it is the one; empty for none.</param>
    /// <returns>64 digits.</returns>
    public static string Of(string text, string salt = "") =>
        Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(salt.Length > 0 ? $"{salt}\n{text}" : text)));
}
