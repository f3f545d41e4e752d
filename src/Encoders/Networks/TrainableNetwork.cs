using static TorchSharp.torch;

namespace ToNNO.Encoders.Networks;

/// <summary>A network whose weights are learned here.</summary>
public abstract class TrainableNetwork : SliceNetwork
{
    protected TrainableNetwork(string name)
        : base(name)
    {
    }

    public abstract ISliceArchitecture Architecture { get; }

    /// <summary>The tensors that a model folder keeps, by their names there: the network's own, not copies.</summary>
    public abstract IReadOnlyDictionary<string, Tensor> State();
}
