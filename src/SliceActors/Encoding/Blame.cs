using ToNNO.Encoders;
using ToNNO.Imaging;

namespace ToNNO.SliceActors.Encoding;

/// <summary>What a lease comes back for.</summary>
internal enum Blame
{
    /// <summary>The volume: any node would say the same.</summary>
    Volume,

    /// <summary>The node, as far as it can tell: it has other files than the run was planned with, or a lesser device. Another may do.</summary>
    Node,

    /// <summary>Something that may pass, here or elsewhere: a file, a model, a device or the store that is out of reach.</summary>
    Passing,
}

internal static class Blames
{
    /// <remarks>The coordinator has read the source whole: here it is another, or out of this node's reach. What is refused for its voxels, which
    /// come after its hash, has the bytes that the coordinator read.</remarks>
    public static Blame Of(ImagingException refused) => refused.IsOutOfReach ? Blame.Passing : refused.Reason == RejectReason.VolumeNonFinite ? Blame.Volume : Blame.Node;

    /// <remarks>The model was tried where the run was planned.</remarks>
    public static Blame Of(EncoderException refused) => refused.Error switch
    {
        EncoderError.NonFiniteLogit or EncoderError.NonFiniteMap => Blame.Volume,
        EncoderError.ModelMissing or EncoderError.ModelUnreadable or EncoderError.DeviceUnavailable or EncoderError.TorchMissing => Blame.Passing,
        _ => Blame.Node,
    };
}
