using System.Diagnostics.Metrics;
using OpenTelemetry.Metrics;
using ToNNO.Coordinator;

namespace ToNNO.Tonno.Hosting;

/// <summary>The buckets of all histograms of seconds. The SDK's own begin with 0, 5 and 10, so that nearly all of ours would lie in one.</summary>
internal static class DurationBuckets
{
    /// <summary>Of a step that a node does at once: a batch, a read, a slab.</summary>
    private static readonly double[] _steps = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600];

    /// <summary>Of volumes, their stages and runs, which wait for others.</summary>
    private static readonly double[] _volumes = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400];

    /// <summary>A view of the meter provider; null where an instrument is no histogram of seconds.</summary>
    public static MetricStreamConfiguration? Of(Instrument instrument) => instrument is not Histogram<double> { Unit: "s" } ? null
        : new ExplicitBucketHistogramConfiguration { Boundaries = instrument.Meter.Name == CoordinatorTelemetry.MeterName ? _volumes : _steps };
}
