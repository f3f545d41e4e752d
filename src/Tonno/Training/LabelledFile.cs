namespace ToNNO.Tonno.Training;

/// <summary>A volume's file and what is known of it: all that training is told.</summary>
/// <param name="Path">Full path.</param>
/// <param name="Name">As the labels have it.</param>
internal sealed record LabelledFile(string Path, string Name, bool IsPositive, string Patient);

/// <summary>The volumes to learn from and those to validate on; no patient is in both.</summary>
internal sealed record Cohort(IReadOnlyList<LabelledFile> Training, IReadOnlyList<LabelledFile> Validation);
