using System.Security.Cryptography;
using System.Text;

namespace ToNNO.Tonno.Training;

/// <summary>Chooses patients to validate on.</summary>
internal static class PatientSplit
{
    /// <summary>Patients in the order of a seeded hash, the first of each kind: those with positive volumes alone, with negative
    /// ones alone, and with both.</summary>
    /// <remarks>The hash asks for no order of the labels: the same patients fall to the same side whatever the lines' order. Of a kind
    /// with two patients or more one at least falls to either side.</remarks>
    /// <param name="share">Of each kind's patients, rounded.</param>
    public static HashSet<string> Validation(IReadOnlyList<LabelledFile> files, double share, int seed)
    {
        var kinds = files.GroupBy(file => file.Patient, StringComparer.Ordinal).GroupBy(
            patient => (patient.Any(file => file.IsPositive), patient.Any(file => !file.IsPositive)), patient => patient.Key);
        return [.. kinds.SelectMany(kind => kind.OrderBy(patient => Hash(patient, seed), StringComparer.Ordinal).Take(Count(kind.Count(), share)))];
    }

    private static int Count(int patients, double share) =>
        patients < 2 ? 0 : Math.Clamp((int)Math.Round(share * patients, MidpointRounding.AwayFromZero), 1, patients - 1);

    private static string Hash(string patient, int seed) => Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(FormattableString.Invariant($"{seed}\n{patient}"))));
}
