using ToNNO.Storage.Azure;

namespace ToNNO.Storage.Tests;

public sealed class BlobStoresTests
{
    private const string Connection = "DefaultEndpointsProtocol=https;AccountName=somebody;AccountKey=a2V5;EndpointSuffix=core.windows.net";

    [Theory]
    [InlineData("some/folder")]
    [InlineData("/some/folder/")]
    [InlineData("azure")]
    public void Open_Folder_IsALocalStore(string address) => Assert.IsType<LocalFolderStore>(BlobStores.Open(address, _ => null));

    [Theory]
    [InlineData("azure://heatmaps", "azure://heatmaps")]
    [InlineData("azure://heatmaps/", "azure://heatmaps")]
    [InlineData("azure://heatmaps/2026/a b", "azure://heatmaps/2026/a b")]
    [InlineData("azure://h-2/2026/", "azure://h-2/2026")]
    public void Open_Azure_IsTheContainerAndThePrefix(string address, string opened)
    {
        foreach (var (name, value) in new[]
        {
            ("AZURE_STORAGE_CONNECTION_STRING", Connection), ("AZURE_STORAGE_ACCOUNT_URL", "https://somebody.blob.core.windows.net/"), ("AZURE_STORAGE_ACCOUNT", "somebody"),
        })
        {
            var store = BlobStores.Open(address, variable => variable == name ? value : null);
            Assert.IsType<AzureBlobStore>(store);
            Assert.Equal(opened, store.ToString());
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData("http://somewhere/x")]
    [InlineData("azure://")]
    [InlineData("azure://ab")]
    [InlineData("azure://Heatmaps")]
    [InlineData("azure://a--b")]
    [InlineData("azure://heat maps/x")]
    [InlineData("azure://heatmaps/../x")]
    [InlineData("azure://heatmaps//x")]
    public void Open_NoAddress_IsRefused(string address)
    {
        var refused = Assert.Throws<BlobStoreException>(() => BlobStores.Open(address, _ => Connection));
        Assert.Equal("store.address_invalid", refused.Code);
    }

    [Theory]
    [InlineData("OTHER", "x")]
    [InlineData("AZURE_STORAGE_CONNECTION_STRING", "")]
    [InlineData("AZURE_STORAGE_CONNECTION_STRING", "nonsense")]
    [InlineData("AZURE_STORAGE_CONNECTION_STRING", "AccountName=somebody;AccountKey=!")]
    [InlineData("AZURE_STORAGE_ACCOUNT_URL", "http://somebody.blob.core.windows.net")]
    [InlineData("AZURE_STORAGE_ACCOUNT_URL", "https://somebody.blob.core.windows.net/?sv=1")]
    [InlineData("AZURE_STORAGE_ACCOUNT_URL", "somebody")]
    public void Open_NoIdentity_IsRefused(string variable, string value)
    {
        var refused = Assert.Throws<BlobStoreException>(() => BlobStores.Open("azure://heatmaps", name => name == variable ? value : null));
        Assert.Equal("store.identity_missing", refused.Code);
    }
}
