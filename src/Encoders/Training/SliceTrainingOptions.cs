using System.ComponentModel.DataAnnotations;

namespace ToNNO.Encoders.Training;

public enum LearningRateSchedule
{
    Constant,

    /// <summary>Falls to zero along half a cosine (Loshchilov &amp; Hutter, ICLR 2017, eq. 5, without restarts).</summary>
    Cosine,
}

/// <summary>What a slice's logit is held against.</summary>
public enum SliceLoss
{
    /// <summary>Cross-entropy of the logit: labels are 0 (no) to 1 (yes).</summary>
    CrossEntropy,

    /// <summary>Half the squared difference up to 1, the difference less a half beyond (Huber 1964): labels are amounts, as of a lesion's area.</summary>
    Huber,
}

public sealed class SliceTrainingOptions
{
    public const string Section = "Training";

    /// <summary>Slices per step.</summary>
    [Range(1, 65536)]
    public int BatchSize { get; init; } = 32;

    /// <summary>Slice edge in pixels.</summary>
    [Range(1, 4096)]
    public int SliceSize { get; init; } = 48;

    /// <summary>Pixel size in mm.</summary>
    [Range(0.001, 1000.0)]
    public double PixelMm { get; init; } = 1;

    [Range(1, 100_000_000)]
    public int Steps { get; init; } = 1000;

    [Range(1e-9, 10.0)]
    public double LearningRate { get; init; } = 1e-3;

    public LearningRateSchedule Schedule { get; init; } = LearningRateSchedule.Cosine;

    /// <summary>Decoupled weight decay of AdamW; 0 makes it Adam.</summary>
    [Range(0.0, 10.0)]
    public double WeightDecay { get; init; } = 1e-4;

    public SliceLoss Loss { get; init; }

    /// <summary>Weight of a positive label against a negative one.</summary>
    [Range(1e-6, 1e6)]
    public double PositiveWeight { get; init; } = 1;

    /// <summary>Bound on the norm of all gradients together; 0 for none.</summary>
    [Range(0.0, 1e9)]
    public double GradientNorm { get; init; } = 1;

    /// <summary>Steps between two reports of progress.</summary>
    [Range(1, 1_000_000)]
    public int ReportEvery { get; init; } = 50;

    /// <summary><c>auto</c>, <c>cpu</c> or <c>cuda:N</c>.</summary>
    [Required]
    public string Device { get; init; } = "auto";
}
