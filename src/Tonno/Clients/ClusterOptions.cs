using System.CommandLine;
using ToNNO.Tonno.Commands;

namespace ToNNO.Tonno.Clients;

/// <summary>The options by which a command finds the cluster.</summary>
internal sealed class ClusterOptions
{
    public const string AddressVariable = "TONNO_URL";

    private const string TokenVariable = "TONNO_API__TOKEN";

    private readonly Option<string> _api = new("--api")
    {
        Description = "Where a coordinator serves HTTP",
        HelpName = "URL",
        DefaultValueFactory = _ => Environment.GetEnvironmentVariable(AddressVariable) is { Length: > 0 } url ? url : "http://127.0.0.1:8080",
    };

    private readonly Option<string?> _token = new("--token-file") { Description = $"A file that holds the API's token [{TokenVariable}]", HelpName = "FILE" };

    public ClusterOptions(Command command)
    {
        command.Add(_api);
        command.Add(_token);
    }

    /// <exception cref="CommandException">The address is none, or the file cannot be read.</exception>
    public ClusterClient Connect(ParseResult parsed)
    {
        var address = parsed.GetValue(_api)!;
        if (!Uri.TryCreate(address.EndsWith('/') ? address : address + "/", UriKind.Absolute, out var uri) || uri.Scheme is not ("http" or "https"))
        {
            throw new CommandException(ExitCodes.Usage, "api.address_invalid", $"'{address}' is no address of HTTP: give one as in http://tonno:8080.");
        }

        return new ClusterClient(uri, Token(parsed.GetValue(_token)));
    }

    private static string Token(string? file)
    {
        try
        {
            return file is null ? Environment.GetEnvironmentVariable(TokenVariable) ?? "" : File.ReadAllText(file).Trim();
        }
        catch (Exception failed) when (failed is IOException or UnauthorizedAccessException)
        {
            throw new CommandException(ExitCodes.Usage, "api.token_unreadable", $"The token's file {file} cannot be read: {failed.Message}");
        }
    }
}
