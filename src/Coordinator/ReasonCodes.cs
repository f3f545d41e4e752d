using ToNNO.Coordinator.Runs;
using ToNNO.Coordinator.Volumes;
using ToNNO.Imaging;
using ToNNO.Storage;

namespace ToNNO.Coordinator;

/// <summary>The reason codes that a coordinator counts by. They are few, and known before the first of them happens.</summary>
internal static class ReasonCodes
{
    /// <summary>Of nodes that encode; what only commands say that write, check or train a model is none of them.</summary>
    private static readonly string[] _encoders =
    [
        "model.missing", "model.unreadable", "model.changed", "model.metadata_missing_keys", "model.metadata_invalid", "model.weights_corrupt", "model.weights_mismatch",
        "model.unsupported", "model.no_cam", "model.cam_layer_unknown", "model.cam_unsound", "model.slice_size", "model.reference_invalid", "model.reference_differs",
        "model.precision_differs", "model.unsteady",
        "encoder.device_invalid", "encoder.device_unavailable", "encoder.torch_missing", "encoder.processor_unsound", "encoder.out_of_memory",
        "encoder.non_finite_logit", "encoder.non_finite_map",
    ];

    private static readonly string[] _stores =
        [.. Enum.GetValues<BlobStoreError>().Select(error => new BlobStoreException(error, "").Code), "pacs.unreachable", "pacs.unauthorized", "pacs.address_invalid", "pacs.answer_invalid"];

    /// <summary>What sets a volume aside.</summary>
    public static IReadOnlyList<string> OfQuarantine { get; } =
        [.. Enum.GetValues<RejectReason>().Where(reason => reason != RejectReason.Unspecified).Select(reason => reason.Code()), .. _encoders, "guide.corrupt", VolumeDeaths.Code];

    /// <summary>What a node gives blocks back for.</summary>
    public static IReadOnlyList<string> OfRefusal { get; } =
    [
        RejectReason.FileMissing.Code(), RejectReason.FileUnreadable.Code(), RejectReason.SourceChanged.Code(), .. _encoders, .. _stores, "guide.unread", "node.stopping", "internal.failure",
    ];

    /// <summary>What a step of a volume is tried again for.</summary>
    public static IReadOnlyList<string> OfRetry { get; } = [.. OfRefusal, "encoder.overdue", "encoder.died", "recon.asked_again", "recon.begun_anew", "rows.corrupt"];

    /// <summary>What a volume fails for.</summary>
    public static IReadOnlyList<string> OfFailure { get; } =
    [
        .. OfRefusal, "encoder.overdue", "recon.silent", "rows.corrupt", "inspection.silent", "passes.silent", "ledger.silent", "ledger.failed", RunRegistry.InputsDamaged,
    ];
}
