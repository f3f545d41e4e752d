using ToNNO.Storage.Azure;
using ToNNO.Tests.Support;

[assembly: AssemblyFixture(typeof(Azurite))]

namespace ToNNO.Storage.Tests;

/// <summary>The contract over Azurite, with blocks so small that most blobs have several.</summary>
public sealed class AzureBlobStoreTests(Azurite azurite) : BlobStoreContract
{
    private readonly string _container = Azurite.NewContainer();

    protected override IBlobStore Open() => Stores.Open(azurite.ConnectionString, $"azure://{_container}", new AzureStoreOptions { BlockBytes = 100_000 });
}

/// <summary>The contract under a prefix, beside which others have blobs.</summary>
public sealed class AzureBlobStorePrefixTests(Azurite azurite) : BlobStoreContract, IAsyncLifetime
{
    private readonly string _container = Azurite.NewContainer();

    protected override IBlobStore Open() => Stores.Open(azurite.ConnectionString, $"azure://{_container}/arch ive/2026");

    public async ValueTask InitializeAsync()
    {
        var whole = Stores.Open(azurite.ConnectionString, $"azure://{_container}");
        foreach (var path in new[] { "a/b", "arch ive/2026-01/a", "arch ive/2025/a", "zzz" })
        {
            await whole.WriteAsync(path, Bytes("other"), WriteCondition.Always, Token);
        }
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}

internal static class Stores
{
    /// <summary>Opens a store as the command line does.</summary>
    public static IBlobStore Open(string connectionString, string address, AzureStoreOptions? options = null, TimeProvider? time = null) =>
        BlobStores.Open(address, variable => variable == "AZURE_STORAGE_CONNECTION_STRING" ? connectionString : null, options, time);
}
