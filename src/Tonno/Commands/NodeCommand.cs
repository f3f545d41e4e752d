using System.Collections;
using System.CommandLine;
using Akka.Actor;
using Microsoft.Extensions.DependencyInjection;
using ToNNO.Encoders;
using ToNNO.SliceActors;
using ToNNO.Storage;
using ToNNO.Tonno.Hosting;
using ToNNO.Tonno.Nodes;

namespace ToNNO.Tonno.Commands;

/// <summary><c>tonno node</c>: one node of a cluster, until it is told to stop. <c>tonno config show</c>: what it would be told.</summary>
internal static class NodeCommand
{
    /// <summary>Akka's reason, which it keeps for itself, when a node's certificate is refused or it refuses another's.</summary>
    private const string TlsFailure = "TlsHandshakeFailureReason";

    public static Command Create()
    {
        var command = new Command("node", "Run one node of a cluster, until Ctrl-C or SIGTERM.");
        var flags = new NodeFlags(command);
        command.SetAction((parsed, cancel) => RunAsync(flags.Load(parsed), cancel));
        return command;
    }

    public static Command CreateConfig()
    {
        var effective = new Option<bool>("--effective") { Description = "List every option with its value and where that comes from [those alone that were set]" };
        var json = new Option<bool>("--json") { Description = "As JSON" };
        var show = new Command("show", "Show a node's options, from configuration file, environment and flags.") { effective, json };
        var flags = new NodeFlags(show);
        show.SetAction(parsed =>
        {
            var configuration = flags.Load(parsed);
            var options = configuration.Effective.Where(option => parsed.GetValue(effective) || option.Origin != EffectiveOption.Default).ToList();
            Console.Out.WriteLine(parsed.GetValue(json)
                ? System.Text.Encoding.UTF8.GetString(Contracts.Documents.ToBytes(options))
                : string.Join(Environment.NewLine, options.Select(option => $"{option.Key} = {option.Value}    ({option.Origin})")));
            return Refuse(configuration) ? ExitCodes.Usage : ExitCodes.Completed;
        });
        return new Command("config", "Look at the configuration of a node.") { show };
    }

    private static async Task<int> RunAsync(NodeConfiguration configuration, CancellationToken cancel)
    {
        if (Refuse(configuration))
        {
            return ExitCodes.Usage;
        }

        var options = configuration.Options;
        await RequirePortAsync(options.Cluster, cancel).ConfigureAwait(false);
        if (options.RoleList.Contains(SliceHosting.Role))
        {
            TorchDevice.Open(options.Slice.Device); // nobody counts on this node before it can encode
        }

        await using var app = NodeHost.Build(options, BlobStores.Open(options.Store));
        try
        {
            await app.StartAsync(cancel).ConfigureAwait(false);
        }
        catch (IOException taken)
        {
            throw new CommandException(ExitCodes.NothingDone, "node.port_taken", $"The node cannot listen on {options.Http.Listen}: {taken.Message}");
        }
        catch (Exception failed) when (failed.GetBaseException() is System.Net.Sockets.SocketException)
        {
            throw new CommandException(
                ExitCodes.NothingDone, "node.not_started", $"The node cannot listen for others at {options.Cluster.Host}:{options.Cluster.Port}: {failed.GetBaseException().Message}; check Cluster:Host, Bind and Port.");
        }

        await Task.Delay(Timeout.Infinite, CancellationTokenSource.CreateLinkedTokenSource(cancel, app.Lifetime.ApplicationStopping).Token)
            .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (!cancel.IsCancellationRequested)
        {
            await app.Services.GetRequiredService<ScrapeWatch>().NextAsync(cancel).ConfigureAwait(false); // that it was replaced is told of
        }

        var reason = CoordinatedShutdown.Get(app.Services.GetRequiredService<ActorSystem>()).ShutdownReason;
        await NodeHost.StopAsync(app, options.StopTimeout).ConfigureAwait(false);
        return cancel.IsCancellationRequested ? ExitCodes.Completed : throw EndedBy(reason);
    }

    /// <summary>Refuses a port that another process listens on: two nodes with one address would be taken for one.</summary>
    private static async Task RequirePortAsync(NodeOptions.ClusterSection cluster, CancellationToken cancel)
    {
        using var probe = new System.Net.Sockets.TcpClient();
        try
        {
            await probe.ConnectAsync(cluster.Bind.Length > 0 && cluster.Bind != "0.0.0.0" ? cluster.Bind : "127.0.0.1", cluster.Port, cancel).ConfigureAwait(false);
        }
        catch (System.Net.Sockets.SocketException)
        {
            return; // nobody does
        }

        throw new CommandException(ExitCodes.NothingDone, "node.port_taken", $"Another process listens on port {cluster.Port}: give this node another by --port.");
    }

    /// <summary>Why a node ended that nobody told to.</summary>
    private static CommandException EndedBy(CoordinatedShutdown.Reason? reason) => reason is StoreWatchActor.OtherStore
        ? new CommandException(
            ExitCodes.NothingDone, "store.other", "This node's store is not the one that the cluster's coordinator works on: give both the same, and look whether it is mounted here.")
        : reason is CoordinatedShutdown.ClusterJoinUnsuccessfulReason
        ? new CommandException(
            ExitCodes.NothingDone, "node.not_joined", "None of the seeds has let this node in within Cluster:JoinWithin; the log says which were asked. Start it again when they are up.")
        : reason?.GetType().Name == TlsFailure
        ? new CommandException(
            ExitCodes.NothingDone, "node.tls_refused", "This node and another did not trust each other's certificates: give all of them a Cluster:Tls:Certificate that the same Cluster:Tls:Authority signed.")
        : new CommandException(
            ExitCodes.NothingDone, "node.removed", "The cluster has gone on without this node, which it could not reach or whose coordinator it replaced; the log says why. Start it again, and it joins anew, unless another cluster works on its store.");

    private static bool Refuse(NodeConfiguration configuration)
    {
        foreach (var fault in configuration.Faults)
        {
            Console.Error.WriteLine($"config.invalid: {fault}");
        }

        return configuration.Faults.Count > 0;
    }

    /// <summary>The flags of a node: shorthands for the options that are mostly given, and any option by its key.</summary>
    private sealed class NodeFlags
    {
        private readonly Option<string?> _config = new("--config") { Description = "Configuration file, JSON", HelpName = "FILE" };
        private readonly Option<string[]> _option = new("--option") { Description = "Any option by its key, as in Cluster:StableAfter=00:00:30; may be repeated", HelpName = "KEY=VALUE" };
        private readonly (string Key, Option<string?> Flag)[] _shorthands =
        [
            ("Roles", new("--roles") { Description = "coordinator, slice and recon, with commas between [all]", HelpName = "ROLE,..." }),
            ("Store", new("--store", "-o") { Description = "The store that all nodes share: a folder, or azure://CONTAINER/PREFIX", HelpName = "STORE" }),
            ("Cluster:Host", new("--host") { Description = "Name by which the other nodes reach this one [127.0.0.1]", HelpName = "HOST" }),
            ("Cluster:Port", new("--port") { Description = "Its port [4053]", HelpName = "PORT" }),
            ("Cluster:Seeds", new("--seeds") { Description = "Nodes to join by [none: begin a cluster]", HelpName = "HOST:PORT,..." }),
            ("Http:Listen", new("--listen") { Description = "Address of health checks and the API [127.0.0.1:8080]", HelpName = "ADDRESS:PORT" }),
            ("Slice:Device", new("--device") { Description = "auto, cpu or cuda:N [auto]", HelpName = "DEVICE" }),
            ("Slice:Encoders", new("--encoders") { Description = "Encoders on this node [one a core, or one for a GPU]", HelpName = "N" }),
        ];

        public NodeFlags(Command command)
        {
            command.Add(_config);
            foreach (var (_, flag) in _shorthands)
            {
                command.Add(flag);
            }

            _option.Validators.Add(result =>
            {
                foreach (var token in result.Tokens.Where(token => token.Value.IndexOf('=', StringComparison.Ordinal) < 1))
                {
                    result.AddError($"--option takes KEY=VALUE, not {token.Value}.");
                }
            });
            command.Add(_option);
        }

        public NodeConfiguration Load(ParseResult parsed)
        {
            var flags = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
            foreach (var pair in parsed.GetValue(_option) ?? [])
            {
                var equals = pair.IndexOf('=', StringComparison.Ordinal);
                flags[pair[..equals]] = pair[(equals + 1)..];
            }

            foreach (var (key, flag) in _shorthands)
            {
                if (parsed.GetValue(flag) is { } value)
                {
                    flags[key] = value;
                }
            }

            var environment = Environment.GetEnvironmentVariables().Cast<DictionaryEntry>().ToDictionary(pair => (string)pair.Key, pair => (string?)pair.Value ?? "", StringComparer.Ordinal);
            return NodeConfiguration.Load(parsed.GetValue(_config) ?? environment.GetValueOrDefault("TONNO_CONFIG"), environment, flags);
        }
    }
}
