using System.Net.Sockets;
using Azure.Core.Pipeline;
using Azure.Storage.Blobs;

namespace ToNNO.Storage.Azure;

/// <summary>How a blob container is spoken to.</summary>
/// <remarks>Any call ends, one way or the other, within (<see cref="Retries"/> + 1) · <see cref="TryTimeout"/> and the waits between, of a
/// stream each block does: with the defaults within 70 seconds.</remarks>
public sealed record AzureStoreOptions
{
    /// <summary>The newest that Azurite 3.35 knows, too.</summary>
    private const BlobClientOptions.ServiceVersion Version = BlobClientOptions.ServiceVersion.V2025_11_05;

    /// <summary>How long one try may take to connect, to send what it sends, and to bring more of an answer.</summary>
    public TimeSpan TryTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Tries after the first, of what the network or the service failed.</summary>
    public int Retries { get; init; } = 5;

    /// <summary>The wait before the second try; it doubles up to <see cref="LongestDelay"/>.</summary>
    public TimeSpan Delay { get; init; } = TimeSpan.FromSeconds(0.3);

    public TimeSpan LongestDelay { get; init; } = TimeSpan.FromSeconds(3);

    /// <summary>Blobs are read and written in blocks of this size. One must come through within <see cref="TryTimeout"/> when it is written.</summary>
    public int BlockBytes { get; init; } = 16 << 20;

    /// <summary>Blocks of a blob that are under way at once; as many are in memory.</summary>
    public int Parallel { get; init; } = 3;

    /// <summary>How long the service may take to copy a blob; within an account it does not take any time to speak of.</summary>
    public TimeSpan CopyTimeout { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>How long a hold lasts without its holder; Azure has 15 to 60 seconds.</summary>
    public TimeSpan HoldFor { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>Puts these into the client's terms.</summary>
    internal BlobClientOptions ToClient()
    {
        var options = new BlobClientOptions(Version)
        {
            // Names of a cluster's services move: connections are not for ever.
            Transport = new HttpClientTransport(new HttpClient(
                new NetworkFailures(new SocketsHttpHandler { ConnectTimeout = TryTimeout, PooledConnectionLifetime = TimeSpan.FromMinutes(5) }))
            {
                Timeout = Timeout.InfiniteTimeSpan, // each try has its own
            }),
        };
        options.Retry.NetworkTimeout = TryTimeout;
        options.Retry.MaxRetries = Retries;
        options.Retry.Delay = Delay;
        options.Retry.MaxDelay = LongestDelay;
        options.Diagnostics.IsLoggingEnabled = false; // paths may bear names that are nobody's business
        return options;
    }

    /// <summary>A connection that is reset just when it is made throws what the client does not know for a failure of the network.</summary>
    private sealed class NetworkFailures(HttpMessageHandler inner) : DelegatingHandler(inner)
    {
        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            try
            {
                return await base.SendAsync(request, cancellationToken).ConfigureAwait(false);
            }
            catch (SocketException reset)
            {
                throw new HttpRequestException(HttpRequestError.ConnectionError, reset.Message, reset);
            }
        }
    }
}
