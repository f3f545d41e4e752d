using System.Collections.Immutable;
using ToNNO.Tomography.Geometry;

namespace ToNNO.Imaging.Nifti;

/// <summary>The header fields that are kept, as stored. NIfTI-1 stores float32; a double holds it without loss.</summary>
internal sealed record NiftiFields
{
    /// <summary>Text fields, intents, slice timing and extensions are left out on purpose: they may name the patient.</summary>
    public required int Version { get; init; }

    public required bool BigEndian { get; init; }

    public required bool IsPair { get; init; }

    public required NiftiDataType DataType { get; init; }

    /// <summary><c>dim[0]</c>: 3 to 7; of the dimensions past the third one place is read.</summary>
    public required int Rank { get; init; }

    /// <summary>The frame that is read, counted from 0.</summary>
    public long Frame { get; init; }

    /// <summary>Frames of the file, <c>dim[4]</c>.</summary>
    public long FrameCount { get; init; } = 1;

    public required VolumeShape Shape { get; init; }

    public required ImmutableArray<double> PixDim { get; init; }

    public required NiftiQForm QForm { get; init; }

    public required NiftiSForm SForm { get; init; }

    public required int XyztUnits { get; init; }

    public required double SclSlope { get; init; }

    public required double SclInter { get; init; }

    public required long VoxOffset { get; init; }
}
