using ToNNO.Tomography.Anytime;
using ToNNO.Tomography.Filtering;
using ToNNO.Tomography.Geometry;
using ToNNO.Tomography.Sampling;

namespace ToNNO.Contracts.Wire;

internal static partial class WireParts
{
    public static Proto.Settings Write(RunSettings settings)
    {
        var wire = new Proto.Settings
        {
            Model = settings.Model,
            ModelSha256 = settings.ModelSha256,
            Set = (int)settings.Set,
            Directions = settings.Directions,
            Alpha = settings.Alpha,
            Window = (int)settings.Window,
            IntensityLow = settings.Intensities[0].Low,
            IntensityHigh = settings.Intensities[0].High,
            Fill = settings.Intensities[0].Fill,
            ThresholdOfPeak = settings.Threshold?.OfPeak ?? false,
            FurtherChannels = { settings.Intensities.Skip(1).Select(Write) },
            Rule = Write(settings.Intensities[0].Rule),
        };
        if ((settings.Intensities[0].PixelLow, settings.Intensities[0].PixelHigh) is var (low, high) && (low, high) != (0, 1))
        {
            (wire.PixelLow, wire.PixelHigh) = (low, high);
        }

        if (settings.Classes is not [var only] || only != ModelClass.Only)
        {
            wire.Classes.AddRange(settings.Classes.Select(one => new Proto.Class { Index = one.Index, Name = one.Name }));
        }

        if (settings.SpacingMm is { } spacing)
        {
            wire.SpacingMm = spacing;
        }

        if (settings.PixelMm is { } pixel)
        {
            wire.PixelMm = pixel;
        }

        if (settings.Size is { } size)
        {
            wire.Size = size;
        }

        if (settings.Threshold is { } threshold)
        {
            wire.Threshold = threshold.Value;
        }

        if (settings.Passes is { } passes)
        {
            wire.Passes = new Proto.Passes { Adaptive = passes.Adaptive };
            if (passes.Until is { } until)
            {
                wire.Passes.Until = until;
            }
        }

        if (settings.Cam is { } cam)
        {
            wire.Cam = new Proto.Cam { Method = (int)cam.Method, Kind = (int)cam.Kind, Layer = cam.Layer, CellPixels = cam.CellPixels };
        }

        return wire;
    }

    public static RunSettings Read(Proto.Settings? wire) => new()
    {
        Model = Required(wire).Model,
        ModelSha256 = wire.ModelSha256,
        Set = (DirectionSetKind)wire.Set,
        Directions = wire.Directions,
        SpacingMm = wire.HasSpacingMm ? wire.SpacingMm : null,
        PixelMm = wire.HasPixelMm ? wire.PixelMm : null,
        Size = wire.HasSize ? wire.Size : null,
        Alpha = wire.Alpha,
        Window = (FilterWindow)wire.Window,
        Intensities =
        [
            new IntensityMap(
                wire.IntensityLow, wire.IntensityHigh, wire.Fill, wire.HasPixelLow ? wire.PixelLow : 0, wire.HasPixelHigh ? wire.PixelHigh : 1, Read(wire.Rule)),
            .. wire.FurtherChannels.Select(Read),
        ],
        Classes = wire.Classes.Count == 0 ? [ModelClass.Only] : wire.Classes.Select(one => new ModelClass(one.Index, one.Name)).ToArray(),
        Threshold = wire.HasThreshold ? new HeatmapThreshold(wire.Threshold, wire.ThresholdOfPeak) : null,
        Passes = wire.Passes is { } passes ? new PassRule(passes.HasUntil ? passes.Until : null, passes.Adaptive) : null,
        Cam = wire.Cam is { } cam ? new CamSettings((CamMethod)cam.Method, (MapKind)cam.Kind, cam.Layer, cam.CellPixels) : null,
    };
}
