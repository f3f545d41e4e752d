using ToNNO.Contracts;
using ToNNO.Coordinator.Api;
using ToNNO.Encoders;
using ToNNO.Encoders.Checking;
using ToNNO.Tomography.Sampling;
using ToNNO.Tonno.Commands;
using ToNNO.Tonno.Selection;
using ToNNO.Tonno.Sources;

namespace ToNNO.Tonno.Runs;

/// <summary>Resolves an order's settings with the model in hand, and lists its inputs.</summary>
/// <param name="storeRoot">The folder of results, if it is one: what lies in it is no input. Null where none is named.</param>
/// <param name="device"><c>auto</c>, <c>cpu</c> or <c>cuda:N</c>: where the model is tried.</param>
internal sealed class RunPlanner(string? storeRoot, string device) : IRunPlanner
{
    public Task<PlannedRun> PlanAsync(RunOrder order, CancellationToken cancel) => Task.Run(
        () =>
        {
            try
            {
                return Plan(order);
            }
            catch (FormatException malformed)
            {
                throw new OrderRefusedException("order.invalid", malformed.Message);
            }
            catch (Exception error) when (Refusal.Of(error) is not null)
            {
                var refusal = Refusal.Of(error)!;
                throw new OrderRefusedException(refusal.Code, refusal.Message);
            }
        },
        cancel);

    /// <exception cref="CommandException">The order cannot be carried out.</exception>
    /// <exception cref="EncoderException">The model is refused.</exception>
    public PlannedRun Plan(RunOrder order)
    {
        var model = order.Model.StartsWith("builtin:", StringComparison.Ordinal) ? order.Model : Path.GetFullPath(order.Model);
        var rules = order.Rules is { } text ? RulesReader.Parse(text) : null;
        SourceListing sources;
        RunSettings settings;
        using (var encoder = TorchLibrary.IsThere || model == SumEncoder.ModelName ? EncoderFactory.Open(model, device) : null)
        {
            var card = encoder?.Card ?? EncoderFactory.ReadCard(model); // nodes that encode will try the network
            settings = SettingsResolution.Resolve(model, card, Options(order, encoder));
            if (encoder is not null && !settings.IsCentreBlob)
            {
                EncoderProbe.TryPrecision(model, encoder, EncoderProbe.Try(encoder, settings.Size, settings.Maps?.Layer));
            }

            sources = SourceListing.List(order.Sources, storeRoot, rules, SettingsResolution.Channels(card, order.Channels), new RemotePlaces(), order.Salt ?? "");
        }

        sources = order.Frame is { } frame ? sources.OfFrame(frame) : sources;
        sources = order.ResampleTilted ? sources.ResamplingTilted() : sources;
        if (storeRoot is not null && Path.GetFullPath(storeRoot) == model)
        {
            throw new CommandException(ExitCodes.Usage, "output.misplaced", $"Results would be written into the model's folder {order.Model}: choose another.");
        }

        if (sources.Inputs.Count > 0)
        {
            return new PlannedRun(settings, sources.Inputs, sources.LeftOut, sources.TakenBy, sources.Rules);
        }

        throw sources.LeftOut.Any(file => file.Reason is SelectionRules.Excluded or SelectionRules.NotTaken)
            ? new CommandException(ExitCodes.NothingDone, "rules.nothing_taken", $"The rules left out all {sources.LeftOut.Count} series and files that were found ({string.Join("; ", sources.Rules.Select(Told))}): change what they ask.")
            : new CommandException(ExitCodes.NothingDone, "input.no_channels", $"None of the {sources.LeftOut.Count} files ends like a channel: name the endings by --channels, as in _T1,_FLAIR.");
    }

    private static string Told(RuleAccount rule) => rule.Excludes
        ? $"{rule.Rule} excluded {rule.Took}"
        : $"{rule.Rule} was not met by {string.Join(", ", rule.LeftBy.Select(pair => $"{pair.Value} for {pair.Key}").DefaultIfEmpty("any"))}";

    /// <summary>The order's options, completed by what the method prescribes and the encoder offers.</summary>
    /// <param name="encoder">Null where there is no libtorch.</param>
    /// <exception cref="EncoderException">The encoder makes no maps as they are asked for, or there is none to ask.</exception>
    private static MethodOptions Options(RunOrder order, ISliceEncoder? encoder)
    {
        var method = CamResolution.Method(order.Method);
        var (set, directions) = CamResolution.Axes(method) ?? (Enum.Parse<DirectionSetKind>(order.Set ?? nameof(DirectionSetKind.Rings), ignoreCase: true), order.Directions ?? RunOrder.StandardDirections);
        return new MethodOptions
        {
            Cam = method is { } cam ? CamResolution.Resolve(encoder, cam, CamResolution.Kind(order.Cam), order.Layer) : null,
            Set = set,
            Directions = directions,
            SpacingMm = order.SpacingMm,
            PixelMm = order.PixelMm,
            Size = order.Size,
            Alpha = order.Alpha,
            Window = order.Window is { } window ? SettingsResolution.ParseWindow(window) : null,
            Threshold = order.Threshold is { } threshold ? SettingsResolution.ParseThreshold(threshold) : null,
            Classes = order.Classes,
            Adaptive = order.Adaptive,
            Until = order.Until,
        };
    }
}
