using System.CommandLine;
using ToNNO.Coordinator.Api;
using ToNNO.Tonno.Clients;

namespace ToNNO.Tonno.Commands;

/// <summary><c>tonno submit</c>: a run for a cluster.</summary>
internal static class SubmitCommand
{
    public static Command Create()
    {
        var run = new Option<string?>("--run") { Description = "A name for the run: submitted once more, it is not begun again [made up]", HelpName = "RUN" };
        var priority = Arguments.Number<int>("--priority", "N", "Runs of higher priority get encoders first", RunOrder.LeastPriority, RunOrder.MostPriority, 0);
        var wait = new Option<bool>("--wait") { Description = "Watch the run to its end; the exit code is then that of tonno run" };
        var quiet = new Option<bool>("--quiet", "-q") { Description = "Print the run's name alone, and problems" };
        var command = new Command("submit", "Hand a run to a cluster, whose nodes see sources, model and store at the same paths.");
        var order = new OrderOptions(command);
        foreach (var option in new Option[] { run.NotEmpty(), priority, wait, quiet })
        {
            command.Add(option);
        }

        var cluster = new Clients.ClusterOptions(command);
        command.SetAction(async (parsed, cancel) =>
        {
            using var client = cluster.Connect(parsed);
            var wanted = order.Read(parsed);
            var here = wanted with
            {
                Sources = [.. wanted.Sources.Select(source => source.Contains("://", StringComparison.Ordinal) ? source : Path.GetFullPath(source))],
                Model = wanted.Model.StartsWith("builtin:", StringComparison.Ordinal) ? wanted.Model : Path.GetFullPath(wanted.Model),
                RunId = parsed.GetValue(run) ?? $"run-{Guid.CreateVersion7():N}",
                Priority = parsed.GetValue(priority),
            };
            var submitted = await client.SubmitAsync(here, cancel).ConfigureAwait(false);
            var view = submitted.Run;
            var left = submitted.LeftOut.Count == 0 ? "" : $"; {submitted.LeftOut.Values.Sum()} files left out ({string.Join(", ", submitted.LeftOut.Select(pair => $"{pair.Value} {pair.Key}"))})";
            Console.Out.WriteLine(
                parsed.GetValue(quiet) ? view.RunId.Value
                : submitted.Known ? $"{RunsCommands.Line(view)}; it had been submitted before, and is not begun again: for that give another name"
                : $"{view.RunId}: {view.Volumes} volumes submitted{left}");
            return parsed.GetValue(wait) ? await RunWatch.ToEndAsync(client, view.RunId.Value, parsed.GetValue(quiet), cancel).ConfigureAwait(false) : ExitCodes.Completed;
        });
        return command;
    }
}
