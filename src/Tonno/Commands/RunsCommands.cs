using System.CommandLine;
using System.Text;
using ToNNO.Contracts;
using ToNNO.Coordinator.Api;
using ToNNO.Tonno.Clients;

namespace ToNNO.Tonno.Commands;

/// <summary><c>tonno status | watch | pause | resume | cancel | prioritize</c>: the runs of a cluster.</summary>
internal static class RunsCommands
{
    public static IEnumerable<Command> Create()
    {
        yield return Status();
        yield return OfRun("watch", "Watch a run to its end; the exit code is that of tonno run.", (client, run, parsed, cancel) => RunWatch.ToEndAsync(client, run, quiet: false, cancel));
        yield return Control("pause", "Hand out no more of a run, until it is resumed; what is under way is finished.");
        yield return Control("resume", "Go on with a paused run.");
        yield return Control("cancel", "End a run; what is done stays, and what was under way is not lost to the next run over the same volumes.");
        var priority = new Argument<int>("priority") { Description = "Higher ones get encoders first, -100 to 100; runs begin with 0" };
        priority.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<int>() is < RunOrder.LeastPriority or > RunOrder.MostPriority)
            {
                result.AddError("A priority is a number from -100 to 100.");
            }
        });
        var prioritize = OfRun("prioritize", "Change a run's priority.", async (client, run, parsed, cancel) => Show(await client.PrioritizeAsync(run, parsed.GetValue(priority), cancel).ConfigureAwait(false)));
        prioritize.Add(priority);
        yield return prioritize;
    }

    private static Command Status()
    {
        var run = new Argument<string?>("run") { Description = "One run [all]", Arity = ArgumentArity.ZeroOrOne }.NotEmpty();
        var volumes = new Option<bool>("--volumes") { Description = "Of the run, list every volume" };
        var nodes = new Option<bool>("--nodes") { Description = "List the cluster's nodes instead" };
        var json = new Option<bool>("--json") { Description = "As JSON" };
        var command = new Command("status", "Where a cluster's runs stand, and its nodes.") { run, volumes, nodes, json };
        var cluster = new Clients.ClusterOptions(command);
        command.Validators.Add(parsed =>
        {
            if (parsed.GetValue(volumes) && parsed.GetValue(run) is null)
            {
                parsed.AddError("Give a run with --volumes.");
            }
        });
        command.SetAction(async (parsed, cancel) =>
        {
            using var client = cluster.Connect(parsed);
            var asJson = parsed.GetValue(json);
            if (parsed.GetValue(nodes))
            {
                var view = await client.ClusterAsync(cancel).ConfigureAwait(false);
                return Print(view, asJson, () => string.Join(Environment.NewLine, view.Nodes.Select(node =>
                    $"{node.Address}  {string.Join(',', node.Roles)}  {node.Status}{(node.Reachable ? "" : ", unreachable")}{(node.Address == view.Leader ? ", leader" : "")}{Line(view.Leases?.Nodes.FirstOrDefault(one => one.Address == node.Address))}").Append(Line(view.Leases))));
            }

            if (parsed.GetValue(run) is not { } one)
            {
                var all = await client.RunsAsync(cancel).ConfigureAwait(false);
                return Print(new RunListView(all), asJson, () => all.Count == 0 ? "no runs" : string.Join(Environment.NewLine, all.Select(Line)));
            }

            if (parsed.GetValue(volumes))
            {
                var list = await client.VolumesAsync(one, null, cancel).ToListAsync(cancel).ConfigureAwait(false);
                return Print(list, asJson, () => string.Join(Environment.NewLine, list.Select(volume =>
                    $"{volume.VolumeId}  {volume.State.ToString().ToLowerInvariant()}{(volume.ReasonCode is null ? "" : $"  {volume.ReasonCode}: {volume.Detail}")}")));
            }

            var described = await client.RunAsync(one, cancel).ConfigureAwait(false);
            return Print(described, asJson, () => Line(described));
        });
        return command;
    }

    private static Command Control(string word, string description) => OfRun(
        word, description, async (client, run, _, cancel) => Show(await client.ControlAsync(run, word, cancel).ConfigureAwait(false)));

    private static Command OfRun(string name, string description, Func<ClusterClient, string, ParseResult, CancellationToken, Task<int>> execute)
    {
        var run = new Argument<string>("run") { Description = "The run's name, as submit and status tell it" }.NotEmpty();
        var command = new Command(name, description) { run };
        var cluster = new Clients.ClusterOptions(command);
        command.SetAction(async (parsed, cancel) =>
        {
            using var client = cluster.Connect(parsed);
            return await execute(client, parsed.GetValue(run)!, parsed, cancel).ConfigureAwait(false);
        });
        return command;
    }

    private static int Show(RunView run)
    {
        Console.Out.WriteLine(Line(run));
        return ExitCodes.Completed;
    }

    private static int Print<T>(T view, bool json, Func<string> text)
    {
        Console.Out.WriteLine(json ? Encoding.UTF8.GetString(Documents.ToBytes(view)) : text());
        return ExitCodes.Completed;
    }

    private static string Line(LeasesView? leases) => leases is null
        ? "no coordinator answers"
        : $"{leases.Encoders} encoders, {leases.FreeEncoders} of them free; {leases.Blocks} blocks of directions out{(leases.Blocks == 0 ? "" : $", the oldest for {leases.OldestSeconds:0} s")}";

    private static string Line(EncodingNodeView? node) =>
        node is null ? "" : $", {node.Blocks} blocks of directions{(node.Refusals == 0 ? "" : $", {node.Refusals} refused: the coordinator's log says why")}";

    public static string Line(RunView run) =>
        $"{run.RunId}  {run.State.ToString().ToLowerInvariant()}  {run.Fraction:P0} of {run.Volumes} volumes: {run.Counts.Completed} completed, {run.Counts.Failed} failed, " +
        $"{run.Counts.Quarantined} quarantined, {run.Counts.Canceled} canceled, {run.InWork} in work, {run.Waiting} waiting{(run.Awaited == 0 ? "" : $", {run.Awaited} of them for other runs, which are at them")}; priority {run.Priority}";
}
