namespace ToNNO.SliceActors.Tests.Encoding;

/// <summary>Tests that make tensors, one at a time: the count of live tensors, which one of them watches, is the process's.</summary>
internal static class TorchCollection
{
    public const string Name = "torch";
}
