using ToNNO.Tests.Support;

namespace ToNNO.Cluster.Tests.Nodes;

/// <summary>The nodes of a test, which end with it.</summary>
internal sealed class NodeGroup : List<NodeProcess>, IAsyncDisposable
{
    private const int Lines = 8;

    public async ValueTask DisposeAsync()
    {
        foreach (var node in this)
        {
            await node.DisposeAsync();
        }
    }

    /// <summary>What each said last besides its ordinary course.</summary>
    public string Told() => string.Join('\n', this.SelectMany(node => node.LastLines(Lines)));
}
