using Microsoft.Extensions.Hosting;

namespace ToNNO.Tonno.Hosting;

/// <summary>The command decides when its node stops, not the host.</summary>
internal sealed class CommandLifetime : IHostLifetime
{
    public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
