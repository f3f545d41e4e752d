using System.Diagnostics;
using ToNNO.Storage.Azure;
using ToNNO.Tests.Support;

namespace ToNNO.Storage.Tests;

/// <summary>The shortest lease of Azure's, 15 seconds, decides how long these take.</summary>
public sealed class AzureBlobStoreHoldTests(Azurite azurite)
{
    private static readonly AzureStoreOptions _options = new()
    {
        TryTimeout = TimeSpan.FromSeconds(1),
        Retries = 3,
        Delay = TimeSpan.FromMilliseconds(10),
        LongestDelay = TimeSpan.FromMilliseconds(50),
        HoldFor = TimeSpan.FromSeconds(15),
    };

    private readonly string _address = $"azure://{Azurite.NewContainer()}";

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    /// <summary>One is cut off and loses its hold to another, who keeps it beyond the lease's length.</summary>
    [Fact]
    public async Task Hold_CutOffForLongerThanItLasts_IsLostToAnotherWhoKeepsIt()
    {
        await using var proxy = new FaultProxy(azurite.Port);
        await using var hold = await Stores.Open(azurite.ConnectionStringAt(proxy.Port), _address, _options).HoldAsync(Token);
        var direct = Stores.Open(azurite.ConnectionString, _address, _options);
        proxy.Set(Fault.Refuse);
        var lost = new TaskCompletionSource();
        hold.Lost.Register(lost.SetResult);
        IStoreHold? other = null;
        while (other is null)
        {
            try
            {
                other = await direct.HoldAsync(Token);
            }
            catch (BlobStoreException held) when (held.Error == BlobStoreError.InUse)
            {
                await Task.Delay(200, Token);
            }
        }

        var begun = Stopwatch.GetTimestamp();
        proxy.Set(Fault.None);
        await lost.Task.WaitAsync(TimeSpan.FromSeconds(30), Token); // it looks every five seconds
        while (Stopwatch.GetElapsedTime(begun) < _options.HoldFor + TimeSpan.FromSeconds(3))
        {
            var refused = await Assert.ThrowsAsync<BlobStoreException>(() => direct.HoldAsync(Token));
            Assert.Equal(BlobStoreError.InUse, refused.Error);
            await Task.Delay(500, Token);
        }

        Assert.False(other.Lost.IsCancellationRequested);
        await other.DisposeAsync();
        await (await direct.HoldAsync(Token)).DisposeAsync();
    }
}
