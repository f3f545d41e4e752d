using ToNNO.Contracts;

namespace ToNNO.SliceActors.Encoding;

/// <summary>What encoding a lease gives.</summary>
/// <param name="Stacks">The maps of its directions, in order; none where the heatmap is made of logits.</param>
public sealed record EncodedLease(RowsBlob Rows, IReadOnlyList<StackBlob> Stacks);
