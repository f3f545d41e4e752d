using System.Diagnostics;
using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using Akka.Actor;
using Akka.Hosting;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Options;
using ToNNO.Contracts;
using ToNNO.Coordinator.Runs;
using ToNNO.Coordinator.Volumes;
using ToNNO.Storage;

namespace ToNNO.Coordinator.Api;

/// <summary>The HTTP API: <c>/api/v1</c>. It reads the store, and asks the coordinator wherever that runs.</summary>
internal sealed class RunApi(ActorSystem system, IRequiredActor<CoordinatorKey> coordinator, IBlobStore store, IRunPlanner planner, TimeProvider time, IOptions<ApiOptions> options)
{
    private const string Silent = "coordinator.silent";

    private readonly RunRegistry _registry = new(store);

    public static void Map(IEndpointRouteBuilder routes)
    {
        var api = routes.MapGroup("/api/v1").AddEndpointFilter(ApiProblems.FilterAsync).ProducesProblem(401).ProducesProblem(503);
        api.MapPost("/runs", (RunApi self, RunOrder order, CancellationToken cancel) => self.SubmitAsync(order, cancel))
            .WithName("submitRun").WithSummary("Submits a run. With a runId of its own it may be repeated safely.").ProducesProblem(400).ProducesProblem(409).ProducesProblem(422);
        api.MapGet("/runs", (RunApi self, CancellationToken cancel) => self.ListAsync(cancel)).WithName("listRuns").WithSummary("All runs of the store, the newest first.");
        api.MapGet("/runs/{run}", (RunApi self, string run, CancellationToken cancel) => self.AskAsync(new RunProtocol.DescribeRun(new(run)), cancel))
            .WithName("getRun").WithSummary("Where a run stands.").ProducesProblem(404);
        api.MapGet("/runs/{run}/volumes", (RunApi self, string run, int? page, VolumeState? state, CancellationToken cancel) => self.VolumesAsync(new(run), page ?? 0, state, cancel))
            .WithName("listVolumes").WithSummary("The volumes of a run by the page, those in one state alone where it is named.").ProducesProblem(404);
        api.MapGet("/runs/{run}/events", (RunApi self, string run, CancellationToken cancel) => self.WatchAsync(new(run), cancel))
            .WithName("watchRun").WithSummary("What happens to a run from now on, as server-sent events: progress, volume, and last finished or refused.").ProducesProblem(404);
        foreach (var control in new[] { RunControl.Pause, RunControl.Resume, RunControl.Cancel })
        {
            var word = control.ToString().ToLowerInvariant();
            api.MapPost($"/runs/{{run}}/{word}", (RunApi self, string run, CancellationToken cancel) => self.AskAsync(new RunProtocol.ControlRun(new(run), control, 0), cancel))
                .WithName($"{word}Run").WithSummary($"{control}s a run.").ProducesProblem(404).ProducesProblem(409);
        }

        api.MapPut("/runs/{run}/priority", (RunApi self, string run, PriorityView view, CancellationToken cancel) => self.AskAsync(new RunProtocol.ControlRun(new(run), RunControl.Prioritize, view.Checked()), cancel))
            .WithName("prioritizeRun").WithSummary("Changes a run's priority; higher ones get encoders first.").ProducesProblem(400).ProducesProblem(404).ProducesProblem(409);
        api.MapGet("/cluster", (RunApi self, CancellationToken cancel) => self.ClusterAsync(cancel)).WithName("getCluster").WithSummary("The nodes, as this one sees them, and what the encoders have in their hands.");
    }

    private async Task<Accepted<SubmittedView>> SubmitAsync(RunOrder order, CancellationToken cancel)
    {
        if (order.Faults() is { Count: > 0 } faults)
        {
            throw new OrderRefusedException("order.invalid", string.Join(' ', faults));
        }

        var run = new RunId(order.RunId ?? $"run-{Guid.CreateVersion7():N}");
        var leftOut = new Dictionary<string, int>();
        var key = order.Key();
        var known = await ExistsAsync(run, key, cancel).ConfigureAwait(false);
        if (!known)
        {
            var planned = await planner.PlanAsync(order, cancel).ConfigureAwait(false);
            leftOut = planned.LeftOut.CountBy(file => file.Reason).ToDictionary();
            var document = new RunDocument { RunId = run, Settings = planned.Settings, InputCount = planned.Inputs.Count, SubmittedAt = time.GetUtcNow(), Priority = order.Priority, OrderKey = key, TraceParent = CoordinatorTelemetry.Source.HasListeners() ? Activity.Current?.Id : null };
            try
            {
                await _registry.CreateAsync(document, planned.Inputs, cancel).ConfigureAwait(false);
            }
            catch (BlobStoreException taken) when (taken.Error == BlobStoreError.ConditionFailed)
            {
                // Two submissions at a time.
                known = await ExistsAsync(run, key, cancel).ConfigureAwait(false);
            }
        }

        // To describe a run begins it. It is in the store: whatever happens now, a coordinator will find it.
        RunView view;
        try
        {
            view = await AskAsync(new RunProtocol.DescribeRun(run), cancel).ConfigureAwait(false);
        }
        catch (OrderRefusedException moving) when (moving.Code == Silent || moving.Code.StartsWith("store.", StringComparison.Ordinal))
        {
            view = RunView.Of((await FindAsync(run, cancel).ConfigureAwait(false))!); // who was told of a failure would submit it once more
        }

        return TypedResults.Accepted($"/api/v1/runs/{Uri.EscapeDataString(run.Value)}", new SubmittedView(view, leftOut, known));
    }

    /// <exception cref="OrderRefusedException">There is a run of that name and another order.</exception>
    private async Task<bool> ExistsAsync(RunId run, string orderKey, CancellationToken cancel)
    {
        var known = await FindAsync(run, cancel).ConfigureAwait(false);
        return known is null || known.OrderKey == orderKey ? known is not null
            : throw new OrderRefusedException("run.taken", $"There is a run {run} already, of another order: give this one another name.");
    }

    /// <returns>Null where there is no such run, or its document is none of ours.</returns>
    private async Task<RunDocument?> FindAsync(RunId run, CancellationToken cancel)
    {
        try
        {
            return await _registry.ReadAsync(run, cancel).ConfigureAwait(false);
        }
        catch (BlobStoreException none) when (none.Error == BlobStoreError.NotFound)
        {
            return null;
        }
    }

    private async Task<RunListView> ListAsync(CancellationToken cancel)
    {
        var views = new List<RunView>();
        foreach (var run in (await _registry.ListAsync(cancel).ConfigureAwait(false)).OrderByDescending(run => run.SubmittedAt))
        {
            views.Add(run.IsEnded ? RunView.Of(run) : await AskAsync(new RunProtocol.DescribeRun(run.RunId), cancel).ConfigureAwait(false));
        }

        return new RunListView(views);
    }

    private async Task<VolumePageView> VolumesAsync(RunId id, int page, VolumeState? state, CancellationToken cancel)
    {
        var run = await RequireAsync(id, cancel).ConfigureAwait(false);
        if (page < 0 || (state is { } asked && !Enum.IsDefined(asked)))
        {
            throw new OrderRefusedException("order.invalid", "page must be 0 or more, and state one of a volume's states.");
        }

        if (page >= run.PageCount)
        {
            return new VolumePageView(page, run.PageCount, []);
        }

        var inputs = await _registry.ReadPageAsync(run, page, new Ledger(store, time, run.Epoch), cancel).ConfigureAwait(false);
        var volumes = inputs.Select(one => VolumeView.Of(one.Input, run, one.Entry)).Where(volume => state is null || volume.State == state);
        return new VolumePageView(page, run.PageCount, [.. volumes]);
    }

    /// <exception cref="OrderRefusedException">There is no such run.</exception>
    private async Task<RunDocument> RequireAsync(RunId run, CancellationToken cancel) =>
        await FindAsync(run, cancel).ConfigureAwait(false) ?? throw new OrderRefusedException("run.unknown", $"There is no run {run} in this store.");

    private async Task<ServerSentEventsResult<RunEventView>> WatchAsync(RunId run, CancellationToken cancel)
    {
        await RequireAsync(run, cancel).ConfigureAwait(false);
        return TypedResults.ServerSentEvents(EventsAsync(run, cancel));
    }

    private async IAsyncEnumerable<SseItem<RunEventView>> EventsAsync(RunId run, [EnumeratorCancellation] CancellationToken cancel)
    {
        await foreach (var message in RunEvents.WatchAsync(system, coordinator.ActorRef, run, cancel).ConfigureAwait(false))
        {
            switch (message)
            {
                case RunProtocol.RunProgressed at:
                    yield return new(new(new(at.Volumes, at.Concluded, at.Fraction, at.SlicesEncoded), null), "progress");
                    break;
                case RunProtocol.VolumeConcluded of:
                    yield return new(new(null, new(of.VolumeId, of.State, of.ReasonCode, of.Detail, of.Reused, of.Elapsed.TotalSeconds)), "volume");
                    break;
                case RunProtocol.RunFinished:
                    yield return new(new(null, null), "finished");
                    break;
                case RunProtocol.RunRejected:
                    yield return new(new(null, null), "refused");
                    break;
            }
        }
    }

    private async Task<ClusterView> ClusterAsync(CancellationToken cancel)
    {
        var leases = await FindLeasesAsync(cancel).ConfigureAwait(false);
        var cluster = Akka.Cluster.Cluster.Get(system);
        var (state, self) = (cluster.State, cluster.SelfAddress);
        return new ClusterView(
            self.ToString(),
            state.Leader?.ToString(),
            [.. state.Members.Select(member => new NodeView(
                member.Address.ToString(), [.. member.Roles.Order(StringComparer.Ordinal)], member.Status.ToString().ToLowerInvariant(), !state.Unreachable.Contains(member)))],
            leases is null ? null : LeasesView.Of(leases));
    }

    /// <summary>Null where the coordinator is moving, or older than the question: that the nodes can be seen then is the more important.</summary>
    private async Task<SliceProtocol.LeasesDescribed?> FindLeasesAsync(CancellationToken cancel)
    {
        try
        {
            return await coordinator.ActorRef.Ask<SliceProtocol.LeasesDescribed>(new SliceProtocol.DescribeLeases(), options.Value.LeasesTimeout, cancel).ConfigureAwait(false);
        }
        catch (AskTimeoutException)
        {
            return null;
        }
    }

    private async Task<RunView> AskAsync(IWireMessage question, CancellationToken cancel)
    {
        object answer;
        try
        {
            answer = await coordinator.ActorRef.Ask(question, options.Value.CoordinatorTimeout, cancel).ConfigureAwait(false);
        }
        catch (AskTimeoutException)
        {
            throw new OrderRefusedException(Silent, "The coordinator did not answer: it may be moving to another node; ask again in a minute.");
        }

        return answer switch
        {
            RunProtocol.RunDescribed described => RunView.Of(described),
            RunProtocol.RunFinished finished => RunView.Of((await _registry.ReadAsync(finished.RunId, cancel).ConfigureAwait(false))!),
            RunProtocol.RunRejected rejected => throw new OrderRefusedException(rejected.ReasonCode, rejected.Detail),
            _ => throw new InvalidOperationException($"{answer.GetType().Name} answers no question of the API."),
        };
    }
}
