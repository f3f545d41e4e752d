using Azure.Storage.Blobs;
using Azure.Storage.Sas;
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

/// <summary>The contract with a shared access signature in place of a key.</summary>
public sealed class AzureBlobStoreSasTests(Azurite azurite) : BlobStoreContract
{
    private readonly string _container = Azurite.NewContainer();

    protected override IBlobStore Open() => Stores.Open(Stores.Signed(azurite.ConnectionString, AccountSasPermissions.All), $"azure://{_container}");

    /// <summary>Archives are read by those who may do no more.</summary>
    [Fact]
    public async Task Source_SignatureToReadAndListOnly_IsRead_AndAStoreThereIsRefused()
    {
        await Open().WriteAsync("archive/a.nii", Bytes("voxels"), WriteCondition.Always, Token);
        var readOnly = Stores.Signed(azurite.ConnectionString, AccountSasPermissions.Read | AccountSasPermissions.List);
        var source = BlobStores.OpenSource($"azure://{_container}", variable => variable == "AZURE_STORAGE_CONNECTION_STRING" ? readOnly : null);
        Assert.Equal(["archive/a.nii"], await source.ListAsync("", below: true, Token).Select(blob => blob.Path).ToListAsync(Token));
        await using var stream = await source.OpenReadAsync("archive/a.nii", long.MaxValue, Token);
        Assert.Equal("voxels", await new StreamReader(stream).ReadToEndAsync(Token));
        await Assert.ThrowsAsync<BlobStoreException>(() => Stores.Open(readOnly, $"azure://{_container}").WriteAsync("b", Bytes("b"), WriteCondition.Always, Token));
    }
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
    /// <summary>A connection string without the key.</summary>
    public static string Signed(string connectionString, AccountSasPermissions permissions)
    {
        var service = new BlobServiceClient(connectionString);
        return $"BlobEndpoint={service.Uri};SharedAccessSignature={service.GenerateAccountSasUri(permissions, TimeProvider.System.GetUtcNow().AddHours(2), AccountSasResourceTypes.All).Query.TrimStart('?')}";
    }

    /// <summary>Opens a store as the command line does.</summary>
    public static IBlobStore Open(string connectionString, string address, AzureStoreOptions? options = null, TimeProvider? time = null) =>
        BlobStores.Open(address, variable => variable == "AZURE_STORAGE_CONNECTION_STRING" ? connectionString : null, options, time);
}
