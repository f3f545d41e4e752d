using CsCheck;
using ToNNO.Tomography.Anytime;
using ToNNO.Tomography.Backprojection;
using ToNNO.Tomography.Filtering;
using ToNNO.Tomography.Geometry;
using ToNNO.Tomography.Sampling;

namespace ToNNO.Contracts.Tests;

public class VolumeTaskTests
{
    private static readonly RunSettings Settings = new()
    {
        Model = "models/lesions",
        ModelSha256 = new string('a', 64),
        Set = DirectionSetKind.Rings,
        Directions = 256,
        Alpha = 2,
        Window = FilterWindow.None,
        Intensities = [IntensityMap.Identity],
    };

    private static readonly VolumeTask Task = new()
    {
        RunId = new("run"),
        VolumeId = new("volume"),
        SourceUris = ["/archive/volume.nii"],
        SourceSha256 = new string('b', 64),
        Geometry = new VolumeGeometry(new VolumeShape(4, 5, 6), AffineTransform.Scaling(1, 1, 1)),
        Settings = Settings,
        LeaseDirections = 2 * Backprojector.BlockSize,
        SlabCount = 2,
    };

    [Fact]
    public void WorkKey_SettingThatChangesTheResult_Changes()
    {
        VolumeTask[] others =
        [
            Task,
            Task with { SourceSha256 = new string('c', 64) },
            .. new[]
            {
                Settings with { ModelSha256 = new string('d', 64) },
                Settings with { Set = DirectionSetKind.Fibonacci },
                Settings with { Directions = 257 },
                Settings with { SpacingMm = 1 },
                Settings with { PixelMm = 1 },
                Settings with { Size = 1 },
                Settings with { SpacingMm = 1, PixelMm = 2 },
                Settings with { SpacingMm = 2, PixelMm = 1 },
                Settings with { SpacingMm = BitConverter.Int64BitsToDouble(BitConverter.DoubleToInt64Bits(1) + 1) },
                Settings with { Alpha = 0.5 },
                Settings with { Window = FilterWindow.Hann },
                Settings with { Intensities = [new IntensityMap(-160, 240, 0)] },
                Settings with { Intensities = [new IntensityMap(-160, 241, 0)] },
                Settings with { Intensities = [new IntensityMap(-161, 240, 0)] },
                Settings with { Intensities = [new IntensityMap(-160, 240, -1024)] },
                Settings with { Intensities = [new IntensityMap(-160, 240, 0, -1)] },
                Settings with { Intensities = [new IntensityMap(-160, 240, 0, 0, 2)] },
                Settings with { Intensities = [new IntensityMap(-160, 240, 0, Rule: new(WindowUnit.Deviation, false))] },
                Settings with { Intensities = [new IntensityMap(-160, 240, 0, Rule: new(WindowUnit.Deviation, true))] },
                Settings with { Intensities = [new IntensityMap(0, 1, 0, Rule: new(WindowUnit.Deviation, false))] },
                Settings with { Intensities = [new IntensityMap(0, 1, 0, Rule: new(WindowUnit.Percentile, false))] },
                Settings with { Intensities = [IntensityMap.Identity, IntensityMap.Identity] },
                Settings with { Intensities = [new IntensityMap(-160, 240, 0), new IntensityMap(0, 9, 0)] },
                Settings with { Intensities = [new IntensityMap(0, 9, 0), new IntensityMap(-160, 240, 0)] },
                Settings with { Classes = [new ModelClass(1, "b")] },
                Settings with { Classes = [new ModelClass(0, "a"), new ModelClass(1, "b")] },
                Settings with { Classes = [new ModelClass(1, "b"), new ModelClass(0, "a")] },
                Settings with { Threshold = new HeatmapThreshold(0.5, OfPeak: false) },
                Settings with { Threshold = new HeatmapThreshold(0.5, OfPeak: true) },
                Settings with { Threshold = new HeatmapThreshold(0.6, OfPeak: true) },
                Settings with { Passes = new PassRule(Adaptive: true) },
                Settings with { Passes = new PassRule(0.1, Adaptive: true) },
                Settings with { Passes = new PassRule(0.1) },
                Settings with { Passes = new PassRule(0.2) },
                Settings with { Cam = new CamSettings(CamMethod.Averaged, MapKind.GradCam, "layer4", 32) },
                Settings with { Cam = new CamSettings(CamMethod.Tomographic, MapKind.GradCam, "layer4", 32) },
                Settings with { Cam = new CamSettings(CamMethod.Averaged, MapKind.LayerCam, "layer4", 32) },
                Settings with { Cam = new CamSettings(CamMethod.Averaged, MapKind.GradCam, "layer3", 32) },
            }.Select(settings => Task with { Settings = settings }),
        ];

        Assert.Equal(others.Length, others.Select(task => task.WorkKey).Distinct().Count());
        Assert.Equal(others.Length, others.Select(task => task.WorkPrefix).Distinct().Count());
    }

    [Fact]
    public void WorkKey_EverySetting_IsCoveredAbove() => Assert.Equal(
        ["Alpha", "Cam", "Classes", "Directions", "Intensities", "Model", "ModelSha256", "Passes", "PixelMm", "Set", "Size", "SpacingMm", "Threshold", "Window"],
        typeof(RunSettings).GetProperties().Where(property => property.CanWrite).Select(property => property.Name).Order());

    [Fact]
    public void WorkKey_WhatDoesNotChangeTheResult_StaysAsItIs()
    {
        Assert.Equal(Task.WorkKey, (Task with { RunId = new("other"), SourceUris = ["/elsewhere"], LeaseDirections = 160, SlabCount = 5 }).WorkKey);
        Assert.Equal(Task.WorkKey, (Task with { Settings = Settings with { Model = "/mnt/models/lesions" } }).WorkKey);
        Assert.Equal(Task.WorkKey, (Task with { Settings = Settings with { Classes = [new ModelClass(0, "lesion")] } }).WorkKey);
        Assert.Equal(Task.WorkKey, VolumeTask.WorkKeyOf(Task.SourceSha256, Settings));
        Assert.Equal(Task.WorkKey, (Task with { Label = "lesion" }).WorkKey);
    }

    /// <summary>A log that tells of a message tells neither where its volume lies nor what is said of it.</summary>
    [Fact]
    public void ToString_OfWhatBearsPathsAndLabels_HasNeither()
    {
        var task = Task with { SourceUris = ["/archive/doe_john.nii"], Label = "lesion of Doe" };
        IWireMessage[] messages = [new SliceProtocol.EncodeLease(task, new(0, 16)), new ReconProtocol.ApplyRows(task, 0, new(0, 16), new("rows", "etag"))];
        foreach (var text in messages.Select(message => message.ToString()!).Append(new RunInput(task.VolumeId, task.SourceUris, task.Label).ToString()))
        {
            Assert.Contains(task.VolumeId.Value, text, StringComparison.Ordinal);
            Assert.DoesNotContain("doe", text, StringComparison.OrdinalIgnoreCase);
        }
    }

    [Fact]
    public void WorkKey_OfThisVersion_IsTheOneOfStoredResults() =>
        // Stored results bear this key: where it changes, KernelVersion must have changed with it, and every archive is made again.
        Assert.Equal("be7235ba263af7580374024ed02705c03d3c719b819a8222f067652ba755f2f0", (Task with { Settings = Settings with { SpacingMm = 1.5, Threshold = new(0.25, true) } }).WorkKey);

    [Fact]
    public void Slabs_AnyCount_TileTheVolume() => Gen.Select(Gen.Int[1, 700], Gen.Int[1, 900]).Sample((planes, slabs) =>
    {
        var task = Task with { Geometry = new VolumeGeometry(new VolumeShape(2, 3, planes), Task.Geometry.Affine), SlabCount = slabs };
        var next = 0;
        var counts = new List<int>();
        for (var slab = 0; slab < slabs; slab++)
        {
            var range = task.Slab(slab);
            Assert.Equal((slab, next), (range.Index, range.FirstK));
            counts.Add(range.CountK);
            next += range.CountK;
        }

        Assert.Equal(planes, next);
        Assert.True(counts.Max() - counts.Min() <= 1);
    });

    [Fact]
    public void Slabs_SeveralClasses_TileTheVolumeForEach()
    {
        var task = Task with { SlabCount = 6, Settings = Settings with { Classes = [new ModelClass(2, "a"), new ModelClass(0, "b"), new ModelClass(1, "c")] } };
        Assert.Equal(2, task.SlabsPerHeatmap);
        Assert.Equal(
            [new(0, 0, 0, 3), new(1, 0, 3, 3), new(2, 1, 0, 3), new(3, 1, 3, 3), new(4, 2, 0, 3), new(5, 2, 3, 3)],
            Enumerable.Range(0, 6).Select(task.Slab));
    }

    [Fact]
    public void Leases_AnyCount_TileTheDirectionsInWholeBlocks() => Gen.Select(Gen.Int[1, 3000], Gen.Int[1, 12]).Sample((directions, blocks) =>
    {
        var task = Task with { LeaseDirections = blocks * Backprojector.BlockSize, Settings = Task.Settings with { Directions = directions } };
        var leases = task.Leases().ToList();
        var next = 0;
        foreach (var lease in leases)
        {
            Assert.Equal(next, lease.First);
            Assert.Equal(0, lease.First % Backprojector.BlockSize);
            Assert.InRange(lease.Count, 1, task.LeaseDirections);
            next = lease.End;
        }

        Assert.Equal(directions, next);
        Assert.Equal(leases.Count, leases.Select(task.RowsPath).Distinct().Count());
        Assert.Equal(leases.Select(task.RowsPath), leases.Select(task.RowsPath).Order(StringComparer.Ordinal));
    });

    [Fact]
    public void Leases_WorkThatMayStop_TileEachPassAndKeepToIt() => Gen.Select(Gen.Int[1, 900], Gen.Int[1, 40], Gen.Bool).Sample((directions, leaseDirections, grid) =>
    {
        var task = Task with
        {
            LeaseDirections = leaseDirections,
            Settings = Task.Settings with { Directions = directions, Set = grid ? DirectionSetKind.Grid : DirectionSetKind.Rings, Passes = new PassRule(0.1, Adaptive: true) },
        };
        var count = task.Plan().Directions.Count;
        Assert.Equal(DirectionPasses.Ends(count), task.Passes().Select(pass => pass.End));
        foreach (var stop in DirectionPasses.Ends(count))
        {
            var stopped = task with { StoppedAfter = stop < count ? stop : null };
            var leases = stopped.Leases().ToList();

            Assert.Equal(stop, stopped.Plan().Directions.Count);
            Assert.Equal(Enumerable.Range(0, stop), leases.SelectMany(lease => Enumerable.Range(lease.First, lease.Count)));
            Assert.All(leases, lease => Assert.Single(stopped.Passes(), pass => pass.First <= lease.First && lease.End <= pass.End));
            Assert.All(leases, lease => Assert.InRange(lease.Count, 1, leaseDirections));
        }
    }, iter: 100);
}
