using System.Diagnostics;
using Microsoft.Extensions.Time.Testing;
using ToNNO.Contracts;
using ToNNO.Coordinator.Volumes;

namespace ToNNO.Coordinator.Tests.Volumes;

public sealed class VolumeSpanTests
{
    /// <summary>A volume of an archive waits for hours: that is not what makes it slow.</summary>
    [Theory]
    [InlineData(9.9, false)]
    [InlineData(10, true)]
    public void Concluded_NotPickedByTheSampler_ToldOfWhereItsWorkWasSlow(double minutes, bool told)
    {
        var (time, run, volume) = (new FakeTimeProvider(), new RunId("run"), new VolumeId("slow-or-not"));
        var ended = Heard(volume, () =>
        {
            using var span = new VolumeSpan(run, volume, time, traceParent: null, storeMark: null);
            time.Advance(TimeSpan.FromHours(5));
            span.InProcess();
            time.Advance(TimeSpan.FromMinutes(minutes));
            span.Concluded(new(run, volume, VolumeState.Completed, "", "", Reused: false, span.Elapsed));
        });
        Assert.Equal(told, ended.Recorded);
    }

    [Fact]
    public void Retried_OfASpanThatIsOpen_IsAnEventOfIt()
    {
        var volume = new VolumeId("tried-again");
        var ended = Heard(volume, () =>
        {
            string? id;
            using (var span = new VolumeSpan(new("run"), volume, TimeProvider.System, traceParent: null, storeMark: null))
            {
                VolumeSpan.Retried("store.unavailable", id = span.Id);
            }

            VolumeSpan.Retried("store.unavailable", id); // of a volume that is done with
            VolumeSpan.Retried("store.unavailable", null);
        });
        var happened = Assert.Single(ended.Events);
        Assert.Equal(("retry", "store.unavailable"), (happened.Name, happened.Tags.Single(tag => tag.Key == "tonno.reason").Value));
    }

    /// <summary>Who takes a volume over, wherever, goes on in its trace; another run of that name, in another store, has its own.</summary>
    [Fact]
    public void Begun_ByAnotherCoordinator_IsInTheSameTrace()
    {
        var volume = new VolumeId("taken-over");
        ActivityTraceId Begun(string run, string? store) =>
            Heard(volume, () => new VolumeSpan(new(run), volume, TimeProvider.System, traceParent: null, store).Dispose()).TraceId;
        Assert.Equal(Begun("run", "store"), Begun("run", "store"));
        Assert.Equal(4, new[] { Begun("run", "store"), Begun("run", "other"), Begun("later", "store"), Begun("run", null) }.Distinct().Count());
        Assert.NotEqual(Begun("run", null), Begun("run", null));
    }

    /// <summary>A volume's span, which a listener records, and no sampler picks.</summary>
    private static Activity Heard(VolumeId volume, Action work)
    {
        Activity? ended = null;
        using var listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name == CoordinatorTelemetry.MeterName,
            Sample = (ref _) => ActivitySamplingResult.AllData,
            ActivityStopped = span => ended = span.GetTagItem("tonno.volume.id") is string id && id == volume.Value ? span : ended,
        };
        ActivitySource.AddActivityListener(listener);
        work();
        return ended!;
    }
}
