using Akka.Actor;
using Akka.Event;
using Microsoft.Extensions.DependencyInjection;
using ToNNO.Storage;
using ToNNO.Tonno.Hosting;

namespace ToNNO.Tonno.Tests.Hosting;

public sealed class LocalNodeTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("tonno-node");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public async Task Build_Node_LogsOnlyErrors()
    {
        using var node = LocalNode.Build(new LocalNodeOptions { Store = new LocalFolderStore(_folder.FullName) });
        await node.StartAsync(TestContext.Current.CancellationToken);
        var system = node.Services.GetRequiredService<ActorSystem>();
        await node.StopAsync(TestContext.Current.CancellationToken);


        // A bus that stops hands what passes its level to standard output.
        Assert.Equal(LogLevel.ErrorLevel, system.EventStream.LogLevel);
    }
}
