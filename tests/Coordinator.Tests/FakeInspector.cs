using System.Collections.Concurrent;
using ToNNO.Contracts;
using ToNNO.Coordinator.Volumes;
using ToNNO.Tests.Support;

namespace ToNNO.Coordinator.Tests;

/// <summary>An inspector whose answers the test gives.</summary>
internal sealed class FakeInspector : IVolumeInspector
{
    private readonly ConcurrentDictionary<VolumeId, TaskCompletionSource<Inspection>> _answers = [];

    private int _asked;

    /// <summary>How often.</summary>
    public int Asked => Volatile.Read(ref _asked);

    public static Inspection NewVolume(string id, long bytes = 1, params VolumeProtocol.RowsStored[] stored)
    {
        var task = SmallWork.Task(id);
        return new Inspection(task, SmallWork.Leases(task), stored, SmallWork.Directions, bytes, Done: null);
    }

    public async Task<Inspection> InspectAsync(RunId run, RunSettings settings, RunInput input, CancellationToken cancel)
    {
        Interlocked.Increment(ref _asked);
        var inspection = await Of(input.VolumeId).Task;
        return inspection with { Task = inspection.Task with { RunId = run } };
    }

    public void Answer(Inspection inspection) => Of(inspection.Task.VolumeId).SetResult(inspection);

    public void Fail(string id, Exception error) => Of(new(id)).SetException(error);

    private TaskCompletionSource<Inspection> Of(VolumeId id) => _answers.GetOrAdd(id, _ => new(TaskCreationOptions.RunContinuationsAsynchronously));
}
