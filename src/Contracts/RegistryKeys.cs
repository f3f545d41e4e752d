namespace ToNNO.Contracts;

/// <summary>Registry key of the proxy to the coordinator singleton.</summary>
public sealed class CoordinatorKey;

/// <summary>Registry key of the shard region of heatmap slabs.</summary>
public sealed class SlabRegionKey;

/// <summary>Registry key of the shard region of heatmap publishers.</summary>
public sealed class PublisherRegionKey;
