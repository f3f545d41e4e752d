namespace ToNNO.Encoders.Networks;

/// <summary>A network that is a TorchScript program, <c>model.ts</c>: all that is known of it is what goes in and out.</summary>
public sealed record TorchScriptArchitecture(int InputChannels, int Classes) : ISliceArchitecture
{
    public const string MetadataName = "torchscript";

    public string Name => MetadataName;

    public int SmallestSlice => 1;
}
