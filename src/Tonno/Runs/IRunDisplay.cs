using ToNNO.Contracts;
using ToNNO.Coordinator.Api;

namespace ToNNO.Tonno.Runs;

/// <summary>Shows a run's events to a person.</summary>
internal interface IRunDisplay
{
    void Show(RunProtocol.RunProgressed progress);

    void Show(RunProtocol.VolumeConcluded concluded);
}

/// <summary>Shows nothing: <c>-q</c>.</summary>
internal sealed class QuietDisplay : IRunDisplay
{
    public void Show(RunProtocol.RunProgressed progress)
    {
    }

    public void Show(RunProtocol.VolumeConcluded concluded)
    {
    }
}

/// <summary>A line every few seconds and one per volume, for logs and pipes.</summary>
internal sealed class LineDisplay(TextWriter output, TimeProvider time, TimeSpan interval) : IRunDisplay
{
    private long? _shown;

    public void Show(RunProtocol.RunProgressed progress)
    {
        if (_shown is { } shown && time.GetElapsedTime(shown) < interval)
        {
            return;
        }

        _shown = time.GetTimestamp();
        output.WriteLine(Wording.Of(progress));
    }

    public void Show(RunProtocol.VolumeConcluded concluded) => output.WriteLine(Wording.Of(concluded));
}

internal static class Wording
{
    /// <summary>How many files were left out, by reason.</summary>
    public static string Of(IReadOnlyCollection<LeftOutFile> leftOut)
    {
        var reasons = leftOut.CountBy(file => file.Reason).OrderBy(pair => pair.Key, StringComparer.Ordinal).Select(pair => $"{pair.Value} {pair.Key}");
        return $"{leftOut.Count} files left out ({string.Join(", ", reasons)})";
    }

    public static string Of(RunProtocol.RunProgressed progress) =>
        $"{progress.Concluded} of {progress.Volumes} volumes done, {progress.SlicesEncoded:N0} slices encoded ({progress.Fraction:P0})";

    public static string Of(RunProtocol.VolumeConcluded concluded) => concluded switch
    {
        { Reused: true } => $"{concluded.VolumeId}: done before",
        { State: VolumeState.Completed } => $"{concluded.VolumeId}: completed in {concluded.Elapsed.TotalSeconds:F1} s",
        { State: VolumeState.Warning } => $"{concluded.VolumeId}: completed in {concluded.Elapsed.TotalSeconds:F1} s, with a warning: {concluded.Detail}",
        _ => $"{concluded.VolumeId}: {concluded.State.ToString().ToLowerInvariant()}, {concluded.ReasonCode}",
    };
}
