namespace ToNNO.Encoders;

/// <summary>Why an encoder, its model or its training was refused; <see cref="EncoderException.CodeOf"/> gives the code that users see.</summary>
public enum EncoderError
{
    Unspecified = 0,

    /// <summary>No model at that path, or one of its files is absent.</summary>
    ModelMissing,

    /// <summary>The file system refuses to give the model's bytes.</summary>
    ModelUnreadable,

    /// <summary>A model would be written over something that exists.</summary>
    ModelExists,

    /// <summary>The file system refuses to take a model.</summary>
    ModelUnwritable,

    /// <summary>The model is not the one that the work was planned with.</summary>
    ModelChanged,

    MetadataMissingKeys,
    MetadataInvalid,

    /// <summary>The weights file breaks its own format.</summary>
    WeightsCorrupt,

    /// <summary>The weights file is sound, but belongs to another network.</summary>
    WeightsMismatch,

    /// <summary>The model asks for something that this version does not do.</summary>
    ModelUnsupported,

    /// <summary>Class activation maps are asked of a network that shows no features.</summary>
    NoCam,

    /// <summary>Class activation maps are asked of a layer that the network does not have.</summary>
    CamLayerUnknown,

    /// <summary>The network's parts do not make up the whole, or have no derivative.</summary>
    CamUnsound,

    /// <summary>Slices of a size are asked for that the model does not take.</summary>
    SliceSize,

    /// <summary>The reference file that lies in the model's folder is none of this model.</summary>
    ReferenceInvalid,

    /// <summary>The model's logits are not those of its reference.</summary>
    ReferenceDiffers,

    /// <summary>Logits in the model's precision are too far from those in float32.</summary>
    PrecisionDiffers,

    /// <summary>A slice's logits depend on its neighbours in a batch, or on chance.</summary>
    Unsteady,

    /// <summary>Encoding leaves tensors behind.</summary>
    Leaks,

    DeviceInvalid,
    DeviceUnavailable,

    /// <summary>This build is one for nodes that do not encode.</summary>
    TorchMissing,

    /// <summary>libtorch would compute wrongly on this machine.</summary>
    ProcessorUnsound,

    /// <summary>The device's memory does not do for a single slice.</summary>
    OutOfMemory,
    NonFiniteLogit,
    NonFiniteMap,
    TrainingDiverged,

    /// <summary>The file that an interrupted training would go on from is damaged.</summary>
    CheckpointCorrupt,

    /// <summary>The file that an interrupted training would go on from is of other data or options.</summary>
    CheckpointOther,
}

/// <summary>The one failure that callers of encoders expect: a stable code, and a sentence that says what, where and what to do.</summary>
public sealed class EncoderException : Exception
{
    public EncoderException(EncoderError error, string message, Exception? innerException = null)
        : base(message, innerException)
    {
        Error = error;
    }

    public EncoderError Error { get; }

    /// <summary>Which slice of those handed in is at fault, where one is.</summary>
    public int? Slice { get; init; }

    /// <summary>Stable code, as in <c>model.missing</c>.</summary>
    public string Code => CodeOf(Error);

    public static string CodeOf(EncoderError error) => error switch
    {
        EncoderError.ModelMissing => "model.missing",
        EncoderError.ModelUnreadable => "model.unreadable",
        EncoderError.ModelExists => "model.exists",
        EncoderError.ModelUnwritable => "model.unwritable",
        EncoderError.ModelChanged => "model.changed",
        EncoderError.MetadataMissingKeys => "model.metadata_missing_keys",
        EncoderError.MetadataInvalid => "model.metadata_invalid",
        EncoderError.WeightsCorrupt => "model.weights_corrupt",
        EncoderError.WeightsMismatch => "model.weights_mismatch",
        EncoderError.ModelUnsupported => "model.unsupported",
        EncoderError.NoCam => "model.no_cam",
        EncoderError.CamLayerUnknown => "model.cam_layer_unknown",
        EncoderError.CamUnsound => "model.cam_unsound",
        EncoderError.SliceSize => "model.slice_size",
        EncoderError.ReferenceInvalid => "model.reference_invalid",
        EncoderError.ReferenceDiffers => "model.reference_differs",
        EncoderError.PrecisionDiffers => "model.precision_differs",
        EncoderError.Unsteady => "model.unsteady",
        EncoderError.Leaks => "model.leaks",
        EncoderError.DeviceInvalid => "encoder.device_invalid",
        EncoderError.DeviceUnavailable => "encoder.device_unavailable",
        EncoderError.TorchMissing => "encoder.torch_missing",
        EncoderError.ProcessorUnsound => "encoder.processor_unsound",
        EncoderError.OutOfMemory => "encoder.out_of_memory",
        EncoderError.NonFiniteLogit => "encoder.non_finite_logit",
        EncoderError.NonFiniteMap => "encoder.non_finite_map",
        EncoderError.TrainingDiverged => "encoder.training_diverged",
        EncoderError.CheckpointCorrupt => "training.checkpoint_corrupt",
        EncoderError.CheckpointOther => "training.checkpoint_other",
        _ => throw new ArgumentOutOfRangeException(nameof(error), error, "This error has no code."),
    };
}
