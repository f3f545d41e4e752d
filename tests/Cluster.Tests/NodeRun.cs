using ToNNO.Contracts;
using ToNNO.Coordinator;
using ToNNO.Encoders;
using ToNNO.SliceActors;
using ToNNO.Storage;
using ToNNO.Tests.Support;
using ToNNO.Tonno.Commands;
using ToNNO.Tonno.Hosting;
using ToNNO.Tonno.Runs;
using ToNNO.Tonno.Sources;

namespace ToNNO.Cluster.Tests;

/// <summary>Runs a workplace's inputs on a node in this process, as <c>tonno run</c> does.</summary>
internal sealed class NodeRun(Workplace work)
{
    public const int SlicesPerLease = 500;

    public static RunSettings Settings(string model, MethodOptions? options = null)
    {
        using var encoder = EncoderFactory.Open(model, "cpu");
        return SettingsResolution.Resolve(model, encoder.Card, options ?? new MethodOptions { Directions = 96 });
    }

    /// <param name="serialize">True where every message is to go through its serializer.</param>
    public LocalNodeOptions Options(int encoders, bool serialize) => new()
    {
        Store = new LocalFolderStore(work.Out),
        Coordinator = new CoordinatorOptions { TakesUpRuns = false, SlicesPerLease = SlicesPerLease, ProgressInterval = TimeSpan.FromMilliseconds(5) },
        Slice = new SliceOptions { Device = "cpu", Encoders = encoders },
        Configuration = serialize ? FallbackGuard.Configuration : "",
    };

    /// <param name="channels">Endings of the channels' files.</param>
    public Task<IReadOnlyList<RunProtocol.VolumeConcluded>> RunAsync(
        string model, int encoders, bool serialize, RunListener listener, CancellationToken? cancel = null, MethodOptions? options = null, params string[] channels) =>
        RunJob.ExecuteAsync(
            Options(encoders, serialize),
            Settings(model, options),
            SourceListing.List([work.In], work.Out, channels).Inputs,
            listener,
            cancel ?? TestContext.Current.CancellationToken);
}

internal sealed class RunListener : IRunDisplay
{
    public Action<RunProtocol.RunProgressed> OnProgress { get; init; } = _ => { };

    public RunProtocol.RunProgressed? Progress { get; private set; }

    public void Show(RunProtocol.RunProgressed progress)
    {
        Progress = progress;
        OnProgress(progress);
    }

    public void Show(RunProtocol.VolumeConcluded concluded)
    {
    }
}
