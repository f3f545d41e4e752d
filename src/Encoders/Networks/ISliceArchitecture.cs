namespace ToNNO.Encoders.Networks;

/// <summary>What kind of network a model is, as far as its <c>metadata.json</c> says.</summary>
public interface ISliceArchitecture
{
    /// <summary>The architecture's name in <c>metadata.json</c>.</summary>
    string Name { get; }

    /// <summary>Channels of a slice.</summary>
    int InputChannels { get; }

    /// <summary>Logits of a slice.</summary>
    int Classes { get; }

    /// <summary>The smallest edge of a slice in pixels that the network can take.</summary>
    int SmallestSlice { get; }
}
