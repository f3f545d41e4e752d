using System.Text.RegularExpressions;
using Azure.Identity;
using Azure.Storage.Blobs;
using ToNNO.Storage.Azure;

namespace ToNNO.Storage;

/// <summary>Opens stores by their addresses: a folder's path, or <c>azure://CONTAINER[/PREFIX]</c>.</summary>
/// <remarks>As whom, the environment says, in this order: <c>AZURE_STORAGE_CONNECTION_STRING</c> (with a key or a SAS), or
/// <c>AZURE_STORAGE_ACCOUNT_URL</c>, or <c>AZURE_STORAGE_ACCOUNT</c> (the account's name), the latter two with the identity that
/// Azure.Identity finds: variables, workload or managed identity, a developer's sign-in.</remarks>
public static partial class BlobStores
{
    public const string Scheme = "azure://";

    public static bool IsAzure(string address) => address.StartsWith(Scheme, StringComparison.Ordinal);

    /// <param name="environment">Gives a variable's value.</param>
    /// <exception cref="BlobStoreException">InvalidAddress; NoIdentity.</exception>
    public static IBlobStore Open(string address, Func<string, string?> environment, AzureStoreOptions? options = null, TimeProvider? time = null)
    {
        if (!IsAzure(address))
        {
            return address.Length > 0 && !address.Contains("://", StringComparison.Ordinal) && !address.Contains('\0', StringComparison.Ordinal) && !File.Exists(address)
                ? new LocalFolderStore(address)
                : throw new BlobStoreException(BlobStoreError.InvalidAddress, $"'{address}' names no store: give a folder, or {Scheme}CONTAINER/PREFIX.");
        }

        var (container, prefix) = Split(address);
        options ??= new AzureStoreOptions();
        return new AzureBlobStore(Container(container, environment, options), prefix, options, time ?? TimeProvider.System);
    }

    /// <inheritdoc cref="Open(string, Func{string, string?}, AzureStoreOptions?, TimeProvider?)"/>
    public static IBlobStore Open(string address) => Open(address, Environment.GetEnvironmentVariable);

    /// <summary>Opens the container of an address as a place that is read from.</summary>
    /// <inheritdoc cref="Open(string, Func{string, string?}, AzureStoreOptions?, TimeProvider?)"/>
    public static IBlobSource OpenSource(string address, Func<string, string?> environment, AzureStoreOptions? options = null)
    {
        options ??= new AzureStoreOptions();
        return new AzureBlobSource(Container(RequireContainer(address, Parts(address).Container), environment, options), options);
    }

    /// <summary>The container and the name of a blob, or its beginning, that an <c>azure://</c> address names.</summary>
    public static (string Container, string Path) Parts(string address)
    {
        var path = address[Scheme.Length..];
        var slash = path.IndexOf('/', StringComparison.Ordinal);
        return slash < 0 ? (path, "") : (path[..slash], path[(slash + 1)..]);
    }

    private static (string Container, string Prefix) Split(string address)
    {
        var (container, prefix) = Parts(address);
        prefix = prefix.TrimEnd('/');
        RequireContainer(address, container);
        try
        {
            _ = prefix.Length > 0 ? BlobPaths.RequirePrefix(prefix + "/") : null;
        }
        catch (BlobStoreException refused)
        {
            throw new BlobStoreException(BlobStoreError.InvalidAddress, $"'{address}' names no store: what follows the container is no path.", refused);
        }

        return (container, prefix);
    }

    private static string RequireContainer(string address, string container) => ContainerName().IsMatch(container) ? container : throw new BlobStoreException(
        BlobStoreError.InvalidAddress, $"'{address}' names no container: its name has 3 to 63 lower-case letters, digits and single hyphens, as in {Scheme}heatmaps/2026.");

    private static BlobContainerClient Container(string name, Func<string, string?> environment, AzureStoreOptions options)
    {
        const string ConnectionString = "AZURE_STORAGE_CONNECTION_STRING", AccountUrl = "AZURE_STORAGE_ACCOUNT_URL", Account = "AZURE_STORAGE_ACCOUNT";
        string? Variable(string variable) => environment(variable) is { Length: > 0 } value ? value : null;
        if (Variable(ConnectionString) is { } connection)
        {
            try
            {
                return new BlobContainerClient(connection, name, options.ToClient());
            }
            catch (Exception malformed) when (malformed is FormatException or ArgumentException or InvalidOperationException)
            {
                throw new BlobStoreException(BlobStoreError.NoIdentity, $"{ConnectionString} is no connection string of a storage account.", malformed);
            }
        }

        var text = Variable(AccountUrl) ?? (Variable(Account) is { } account ? $"https://{account}.blob.core.windows.net" : null) ?? throw new BlobStoreException(
            BlobStoreError.NoIdentity, $"Nothing says which storage account {Scheme}{name} is in: set {ConnectionString}, {AccountUrl} or {Account}.");
        return Uri.TryCreate($"{text.TrimEnd('/')}/{name}", UriKind.Absolute, out var uri) && uri is { Scheme: "https", Query: "", Host.Length: > 0 }
            ? new BlobContainerClient(uri, new DefaultAzureCredential(), options.ToClient())
            : throw new BlobStoreException(BlobStoreError.NoIdentity, $"{AccountUrl} or {Account} makes no https:// address of a storage account: {text}.");
    }

    [GeneratedRegex("^(?=.{3,63}$)[a-z0-9]+(-[a-z0-9]+)*$")]
    private static partial Regex ContainerName();
}
