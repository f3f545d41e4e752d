using ToNNO.Contracts;
using ToNNO.Encoders;
using ToNNO.Tomography.Geometry;
using ToNNO.Tomography.Lifting;

namespace ToNNO.SliceActors.Encoding;

/// <summary>The encoder's answers to the slices of a lease: their logits and, where they are asked for, their maps.</summary>
internal sealed class SliceAnswers
{
    private readonly ISliceEncoder _encoder;
    private readonly SliceFormat _format;
    private readonly DirectionRange _directions;
    private readonly BlankSlice _blank;
    private readonly CamRequest? _request;
    private readonly int _cells;
    private readonly float[][] _stacks = [];
    private float[] _maps = [];

    /// <param name="offsetCount">Slices in a stack.</param>
    /// <param name="blank">What slices are given that are never encoded.</param>
    public SliceAnswers(ISliceEncoder encoder, SliceFormat format, CamSettings? cam, DirectionRange directions, int offsetCount, BlankSlice blank)
    {
        (_encoder, _format, _directions, _blank, _request) = (encoder, format, directions, blank, RequestOf(cam));
        Logits = new float[directions.Count * offsetCount];
        Array.Fill(Logits, blank.Logit);
        if (_request is not null)
        {
            _cells = blank.Map.Length;
            _stacks = new float[directions.Count][];
            for (var direction = 0; direction < _stacks.Length; direction++)
            {
                var stack = _stacks[direction] = GC.AllocateUninitializedArray<float>(offsetCount * _cells);
                for (var at = 0; at < stack.Length; at += _cells)
                {
                    blank.Map.CopyTo(stack, at);
                }
            }
        }
    }

    /// <summary>Logits <c>[direction, offset]</c>.</summary>
    public float[] Logits { get; }

    /// <summary>The maps of the directions, in order; none where only logits are asked for.</summary>
    public IReadOnlyList<StackBlob> Stacks =>
        [.. _stacks.Select((maps, at) => new StackBlob(_directions.First + at, _blank.Grid, _blank.Map, maps))];

    /// <summary>Asks for the answer to a slice of fill.</summary>
    /// <exception cref="EncoderException">The encoder failed, or makes no such maps.</exception>
    public static BlankSlice Blank(ISliceEncoder encoder, SliceFormat format, CamSettings? cam, float fillPixel)
    {
        var pixels = new float[format.Size * format.Size];
        Array.Fill(pixels, fillPixel);
        var logit = new float[1];
        if (RequestOf(cam) is not { } request)
        {
            encoder.Encode(pixels, 1, format, logit);
            return new BlankSlice(logit[0], default, []);
        }

        encoder.ResolveCamLayer(request.Layer);
        var maker = (ICamEncoder)encoder;
        var cells = maker.CamGrid(format, request.Layer);
        var map = new float[cells.CellCount];
        maker.EncodeCam(pixels, 1, format, request, logit, map);
        return new BlankSlice(logit[0], cells, map);
    }

    /// <summary>Encodes a batch, and puts the answers in their places.</summary>
    /// <returns>Slices that were encoded.</returns>
    /// <exception cref="EncoderException">The encoder failed.</exception>
    public int Take(SliceBatch batch)
    {
        var logits = batch.Logits.AsSpan(0, batch.Count);
        if (_request is null)
        {
            _encoder.Encode(batch.Taken, batch.Count, _format, logits);
        }
        else
        {
            Array.Resize(ref _maps, Math.Max(_maps.Length, batch.Capacity * _cells));
            ((ICamEncoder)_encoder).EncodeCam(batch.Taken, batch.Count, _format, _request, logits, _maps.AsSpan(0, batch.Count * _cells));
        }

        for (var slot = 0; slot < batch.Count; slot++)
        {
            Logits[batch.Rows[slot]] = logits[slot];
            if (_request is not null)
            {
                var (direction, offset) = Math.DivRem(batch.Rows[slot], Logits.Length / _directions.Count);
                _maps.AsSpan(slot * _cells, _cells).CopyTo(_stacks[direction].AsSpan(offset * _cells));
            }
        }

        return batch.Count;
    }

    /// <summary>Has the encoder cut and encode a batch of planes; those that turn out blank have the blank slice's logit.</summary>
    /// <returns>Slices that were not blank.</returns>
    /// <exception cref="EncoderException">The encoder failed.</exception>
    public int TakePlanes(SliceBatch batch, Volume volume, IntensityMap intensity, Vector3D centreMm)
    {
        var logits = batch.Logits.AsSpan(0, batch.Count);
        var blank = batch.Blank.AsSpan(0, batch.Count);
        ((IVolumeEncoder)_encoder).EncodePlanes(volume, intensity, batch.Planes, centreMm, _format, logits, blank);
        for (var slot = 0; slot < batch.Count; slot++)
        {
            Logits[batch.Rows[slot]] = blank[slot] ? _blank.Logit : logits[slot];
        }

        return batch.Count - blank.Count(true);
    }

    private static CamRequest? RequestOf(CamSettings? cam) => cam is null ? null : new CamRequest(
        cam.Kind switch
        {
            MapKind.GradCam => CamKind.GradCam,
            MapKind.LayerCam => CamKind.LayerCam,
            _ => throw new ArgumentOutOfRangeException(nameof(cam), cam.Kind, "Choose GradCAM or LayerCAM."),
        },
        cam.Layer);
}

/// <summary>The encoder's answer to a slice of fill: its logit and its map, which has no cells where maps are not asked for.</summary>
internal sealed record BlankSlice(float Logit, MapGrid Grid, float[] Map);
