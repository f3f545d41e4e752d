using ToNNO.Contracts;
using ToNNO.Coordinator.Volumes;
using ToNNO.Imaging;
using ToNNO.Tonno.Sources;

namespace ToNNO.Tonno.Planning;

/// <summary>An input, and the work that it would be or why it would be refused.</summary>
/// <param name="Work">Null where it is refused.</param>
/// <param name="EncoderCalls">At most; see <see cref="VolumeWork.EncoderCalls"/>.</param>
internal sealed record PlannedVolume(RunInput Input, VolumeWork? Work, long EncoderCalls, ImagingException? Refusal)
{
    /// <summary>Reads the headers of all inputs, several at once, with the eyes of a run.</summary>
    public static async Task<IReadOnlyList<PlannedVolume>> ReadAllAsync(RunSettings settings, IReadOnlyList<RunInput> inputs, int slicesPerLease, CancellationToken cancel)
    {
        var remote = new RemotePlaces();
        var planned = new PlannedVolume[inputs.Count];
        await Parallel.ForAsync(0, inputs.Count, cancel, (at, token) =>
        {
            planned[at] = Read(settings, inputs[at], slicesPerLease, remote, token);
            return ValueTask.CompletedTask;
        }).ConfigureAwait(false);
        return planned;
    }

    private static PlannedVolume Read(RunSettings settings, RunInput input, int slicesPerLease, RemotePlaces remote, CancellationToken cancel)
    {
        try
        {
            VolumeWork.RequireWhole(input, settings);
            var work = VolumeWork.Of(new RunId("plan"), settings, input, VolumeSource.ReadHeaders(input.Uris, cancel, remote), slicesPerLease);
            return new(input, work, work.EncoderCalls(), null);
        }
        catch (ImagingException refused)
        {
            return new(input, null, 0, refused);
        }
    }
}
