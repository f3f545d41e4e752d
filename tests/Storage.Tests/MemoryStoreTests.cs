using ToNNO.Tests.Support;

namespace ToNNO.Storage.Tests;

/// <summary>The tests' own store keeps the contract, too.</summary>
public sealed class MemoryStoreTests : BlobStoreContract
{
    private readonly MemoryStore _store = new();

    protected override IBlobStore Open() => _store;
}
