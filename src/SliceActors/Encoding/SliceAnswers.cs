using System.Globalization;
using ToNNO.Contracts;
using ToNNO.Encoders;
using ToNNO.Tomography.Geometry;
using ToNNO.Tomography.Lifting;

namespace ToNNO.SliceActors.Encoding;

/// <summary>The encoder's answers to the slices of a lease, for the classes that heatmaps are made of: logits and, where they are asked
/// for, maps.</summary>
internal sealed class SliceAnswers
{
    private readonly ISliceEncoder _encoder;
    private readonly SliceFormat _format;
    private readonly VolumeTask _task;
    private readonly RunSettings _settings;
    private readonly DirectionRange _directions;
    private readonly int _offsetCount;
    private readonly BlankSlice _blank;
    private readonly CamRequest? _request;
    private readonly int _cells;
    private readonly float[][] _stacks = [];
    private float[] _logits = [];
    private float[] _maps = [];

    /// <param name="offsetCount">Slices in a stack.</param>
    /// <param name="blank">What slices are given that are never encoded.</param>
    public SliceAnswers(ISliceEncoder encoder, SliceFormat format, VolumeTask task, DirectionRange directions, int offsetCount, BlankSlice blank)
    {
        var settings = task.Settings;
        (_encoder, _format, _task, _settings, _directions, _offsetCount, _blank) = (encoder, format, task, settings, directions, offsetCount, blank);
        _request = RequestOf(settings);
        Logits = new float[settings.Classes.Count * RowsLength];
        for (var classAt = 0; classAt < settings.Classes.Count; classAt++)
        {
            Array.Fill(Logits, blank.Logits[classAt], classAt * RowsLength, RowsLength);
        }

        if (_request is not null)
        {
            _cells = blank.Grid.CellCount;
            _stacks = new float[settings.Classes.Count * directions.Count][];
            for (var at = 0; at < _stacks.Length; at++)
            {
                var stack = _stacks[at] = GC.AllocateUninitializedArray<float>(offsetCount * _cells);
                for (var cell = 0; cell < stack.Length; cell += _cells)
                {
                    blank.Maps[at / directions.Count].CopyTo(stack, cell);
                }
            }
        }
    }

    /// <summary>Logits <c>[class, direction, offset]</c>.</summary>
    public float[] Logits { get; }

    /// <summary>The maps of the directions, in order, class by class; none where only logits are asked for.</summary>
    public IReadOnlyList<StackBlob> Stacks => [.. _stacks.Select((maps, at) => new StackBlob(
        at / _directions.Count, _directions.First + (at % _directions.Count), _blank.Grid, _blank.Maps[at / _directions.Count], maps))];

    /// <summary>Logits of one class.</summary>
    private int RowsLength => _directions.Count * _offsetCount;

    /// <summary>Asks for the answer to a slice of fill; 0 where none is asked for.</summary>
    /// <exception cref="EncoderException">The encoder failed, or makes no such maps.</exception>
    public static BlankSlice Blank(ISliceEncoder encoder, SliceFormat format, VolumeTask task)
    {
        var (settings, intensities) = (task.Settings, task.Intensities);
        if (settings.IsCentreBlob)
        {
            return new BlankSlice(new float[settings.Classes.Count], default, []);
        }

        var ofChannel = format.Size * format.Size;
        var pixels = new float[intensities.Count * ofChannel];
        for (var channel = 0; channel < intensities.Count; channel++)
        {
            Array.Fill(pixels, intensities[channel].Apply(intensities[channel].Fill), channel * ofChannel, ofChannel);
        }

        var logits = new float[encoder.Card.Classes.Count];
        float[] Chosen() => [.. settings.Classes.Select(one => logits[one.Index])];
        if (RequestOf(settings) is not { } request)
        {
            encoder.Encode(pixels, 1, format, logits);
            return new BlankSlice(Chosen(), default, []);
        }

        encoder.ResolveCamLayer(request.Layer);
        var maker = (ICamEncoder)encoder;
        var grid = maker.CamGrid(format, request.Layer);
        var maps = new float[settings.Classes.Count * grid.CellCount];
        maker.EncodeCam(pixels, 1, format, request, logits, maps);
        return new BlankSlice(Chosen(), grid, [.. maps.Chunk(grid.CellCount)]);
    }

    /// <summary>Takes the logits of planes that are not to be measured.</summary>
    /// <param name="guide">Logits <c>[class, direction, offset]</c>, NaN where a plane is.</param>
    public void TakeGuide(ReadOnlySpan<float> guide)
    {
        for (var at = 0; at < guide.Length; at++)
        {
            Logits[at] = float.IsNaN(guide[at]) ? Logits[at] : guide[at];
        }
    }

    /// <summary>Encodes a batch, and puts the answers in their places.</summary>
    /// <returns>Slices that were encoded.</returns>
    /// <exception cref="EncoderException">The encoder failed.</exception>
    public int Take(SliceBatch batch)
    {
        try
        {
            return Encode(batch);
        }
        catch (EncoderException refused) when (refused.Slice is { } slot)
        {
            throw new EncoderException(refused.Error, $"{Place(batch.Rows[slot])}: {refused.Message}", refused);
        }
    }

    private int Encode(SliceBatch batch)
    {
        var logits = LogitsOf(batch);
        if (_request is null)
        {
            _encoder.Encode(batch.Taken, batch.Count, _format, logits);
        }
        else
        {
            Array.Resize(ref _maps, Math.Max(_maps.Length, _settings.Classes.Count * batch.Capacity * _cells));
            ((ICamEncoder)_encoder).EncodeCam(
                batch.Taken, batch.Count, _format, _request, logits, _maps.AsSpan(0, _settings.Classes.Count * batch.Count * _cells));
        }

        for (var slot = 0; slot < batch.Count; slot++)
        {
            Put(logits, slot, batch.Rows[slot]);
            for (var classAt = 0; _request is not null && classAt < _settings.Classes.Count; classAt++)
            {
                var (direction, offset) = Math.DivRem(batch.Rows[slot], _offsetCount);
                _maps.AsSpan(((classAt * batch.Count) + slot) * _cells, _cells)
                    .CopyTo(_stacks[(classAt * _directions.Count) + direction].AsSpan(offset * _cells));
            }
        }

        return batch.Count;
    }

    /// <summary>Has the encoder cut and encode a batch of planes; those that turn out blank have the blank slice's logits.</summary>
    /// <returns>Slices that were not blank.</returns>
    /// <exception cref="EncoderException">The encoder failed.</exception>
    public int TakePlanes(SliceBatch batch, IReadOnlyList<Volume> channels, Vector3D centreMm)
    {
        var logits = LogitsOf(batch);
        var blank = batch.Blank.AsSpan(0, batch.Count);
        ((IVolumeEncoder)_encoder).EncodePlanes(channels, _task.Intensities, batch.Planes, centreMm, _format, logits, blank);
        for (var slot = 0; slot < batch.Count; slot++)
        {
            if (!blank[slot])
            {
                Put(logits, slot, batch.Rows[slot]);
            }
        }

        return batch.Count - blank.Count(true);
    }

    private static CamRequest? RequestOf(RunSettings settings) => settings.Maps is not { } maps ? null : new CamRequest(
        maps.Kind switch
        {
            MapKind.GradCam => CamKind.GradCam,
            MapKind.LayerCam => CamKind.LayerCam,
            _ => throw new ArgumentOutOfRangeException(nameof(settings), maps.Kind, "Choose GradCAM or LayerCAM."),
        },
        maps.Layer,
        [.. settings.Classes.Select(one => one.Index)]);

    /// <summary>Where a slice lies, so that it can be cut again.</summary>
    private string Place(int row)
    {
        var plan = _task.Plan();
        var (direction, offset) = (_directions.First + (row / _offsetCount), row % _offsetCount);
        var n = plan.Directions.Normals[direction];
        return string.Create(
            CultureInfo.InvariantCulture,
            $"In the slice {plan.OffsetMm(offset):G4} mm from the centre along ({n.X:F4}, {n.Y:F4}, {n.Z:F4}), direction {direction} and offset {offset}");
    }

    /// <summary>Room for all of the model's logits of a batch.</summary>
    private Span<float> LogitsOf(SliceBatch batch)
    {
        var classes = _encoder.Card.Classes.Count;
        Array.Resize(ref _logits, Math.Max(_logits.Length, batch.Capacity * classes));
        return _logits.AsSpan(0, batch.Count * classes);
    }

    /// <summary>Puts a slice's logits in their places.</summary>
    private void Put(ReadOnlySpan<float> logits, int slot, int row)
    {
        for (var classAt = 0; classAt < _settings.Classes.Count; classAt++)
        {
            Logits[(classAt * RowsLength) + row] = logits[(slot * _encoder.Card.Classes.Count) + _settings.Classes[classAt].Index];
        }
    }
}

/// <summary>The encoder's answer to a slice of fill, by class: its logits and its maps, which are none where they are not asked for.</summary>
internal sealed record BlankSlice(float[] Logits, MapGrid Grid, float[][] Maps);
