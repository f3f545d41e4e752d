using System.CommandLine;
using System.Text;
using ToNNO.Contracts;
using ToNNO.Coordinator;
using ToNNO.Coordinator.Api;
using ToNNO.Tonno.Hosting;
using ToNNO.Tonno.Planning;
using ToNNO.Tonno.Runs;

namespace ToNNO.Tonno.Commands;

/// <summary><c>tonno plan</c>: what <c>tonno run</c> with the same options would do, by the headers alone.</summary>
internal static class PlanCommand
{
    public static Command Create()
    {
        var output = new Option<string?>("--output", "-o") { Description = "The folder for results: what lies in it is no input", HelpName = "STORE" };
        var device = new Option<string>("--device") { Description = "auto, cpu or cuda:N, on which the speed is measured", DefaultValueFactory = _ => "auto" };
        var speed = Arguments.Number<double?>("--slices-per-second", "N", "Of one encoder: a GPU, or a core [measured here, in some seconds]", 1e-6, 1e9);
        var encoders = Arguments.Number<int?>("--encoders", "N", "Encoders that work at once [one a core, or one for a GPU]", 1, 1_000_000);
        var price = Arguments.Number<double?>("--price", "P", "Of an hour of an encoder's device, in any currency: adds costs", 0, 1e9);
        var json = new Option<bool>("--json") { Description = "As JSON: every input, and the sums" };

        var command = new Command("plan", "Read headers only, and tell what a run would do: work, memory, time and costs of each volume, and refusals.");
        var order = new OrderOptions(command);
        foreach (var option in new Option[] { output.NotEmpty(), device, speed, encoders, price, json })
        {
            command.Add(option);
        }

        command.SetAction((parsed, cancel) => ExecuteAsync(
            new Request(order.Read(parsed), parsed.GetValue(output), parsed.GetValue(device)!, parsed.GetValue(speed), parsed.GetValue(encoders), parsed.GetValue(price), parsed.GetValue(json)),
            cancel));
        return command;
    }

    private static async Task<int> ExecuteAsync(Request request, CancellationToken cancel)
    {
        var run = new RunPlanner(request.Output, request.Device).Plan(request.Order);
        var volumes = await PlannedVolume.ReadAllAsync(run.Settings, run.Inputs, new CoordinatorOptions().SlicesPerLease, cancel).ConfigureAwait(false);
        var plan = PlanReport.Of(run, volumes, Speed(request, volumes, cancel), request.PricePerHour);
        foreach (var line in plan.Volumes.Where(line => line.ReasonCode is not null))
        {
            Console.Error.WriteLine($"{line.ReasonCode}: {line.VolumeId}: {line.Detail}");
        }

        foreach (var line in request.Json ? [Encoding.UTF8.GetString(Documents.ToBytes(plan))] : PlanText.Table(plan).Concat(PlanText.Rules(plan)).Concat(PlanText.Sums(plan)))
        {
            Console.Out.WriteLine(line);
        }

        return !plan.Balances || plan.Planned == 0 ? ExitCodes.NothingDone : plan.Refused > 0 ? ExitCodes.SomeFailed : ExitCodes.Completed;
    }

    private static EncoderSpeed? Speed(Request request, IReadOnlyList<PlannedVolume> volumes, CancellationToken cancel)
    {
        var most = volumes.MaxBy(volume => volume.EncoderCalls);
        if (most is null or { EncoderCalls: 0 })
        {
            return null;
        }

        var encoders = request.Encoders ?? LocalResources.Encoders(request.Device);
        return request.SlicesPerSecond is { } given
            ? new EncoderSpeed(given, encoders, Size: null)
            : EncoderSpeed.Measure(most.Work!, request.Device, encoders, cancel);
    }

    private sealed record Request(
        RunOrder Order, string? Output, string Device, double? SlicesPerSecond, int? Encoders, double? PricePerHour, bool Json);
}
