using System.Text.Json;
using k8s.Models;
using ToNNO.Bench;
using ToNNO.Deploy.Tests.Kubernetes;

namespace ToNNO.Deploy.Tests.Scaling;

/// <summary>The arithmetic that `bench/run autoscaling` simulates is the autoscaler's, and both scalers are told the same.</summary>
public sealed class HorizontalAutoscalerTests
{
    private const double Target = 100;

    private static readonly V2HPAScalingPolicy _onePod = new() { Type = "Pods", Value = 1, PeriodSeconds = 60 };

    /// <summary>The example of Kubernetes' handbook: four pods or a tenth in a minute, whichever is more, from 80 pods to 10.</summary>
    [Fact]
    public void Next_HandbooksExample_AsTheHandbookHasIt()
    {
        var scaler = new HorizontalAutoscaler(1, 100, Target, new V2HorizontalPodAutoscalerBehavior
        {
            ScaleUp = new() { Policies = [_onePod] },
            ScaleDown = new() { StabilizationWindowSeconds = 0, Policies = [new() { Type = "Pods", Value = 4, PeriodSeconds = 60 }, new() { Type = "Percent", Value = 10, PeriodSeconds = 60 }] },
        });
        var pods = 80;
        var steps = new List<int>();
        for (var now = 0.0; pods > 10; now += HorizontalAutoscaler.Period)
        {
            var next = scaler.Next(now, pods, 10 * Target);
            if (next != pods)
            {
                steps.Add(pods - next);
            }

            pods = next;
        }

        Assert.Equal([8, 8, 7, 6, 6, 5, 4, 4, 4, 4, 4, 4, 4, 2], steps);
    }

    [Theory]
    [InlineData(1091, 10)] // a tenth off the aim is none
    [InlineData(910, 10)]
    [InlineData(1101, 12)]
    [InlineData(890, 9)]
    [InlineData(0, 2)]
    [InlineData(9999, 20)]
    public void Next_WithinTheBounds_AsTheMetricSays(double metric, int pods) => Assert.Equal(pods, Free(least: 2, most: 20).Next(0, 10, metric));

    [Fact]
    public void Next_MetricThatFallsForAWhile_KeepsPodsForTheWindow()
    {
        var scaler = Free(least: 1, most: 20, downWindow: 300);
        Assert.Equal(10, scaler.Next(0, 10, 1000));
        Assert.Equal(10, scaler.Next(15, 10, 100));
        Assert.Equal(10, scaler.Next(285, 10, 100));
        Assert.Equal(1, scaler.Next(300, 10, 100));
    }

    [Fact]
    public void Next_MetricThatRisesForAMoment_AddsNoPodsWithinTheWindow()
    {
        var scaler = Free(least: 1, most: 20, upWindow: 60);
        Assert.Equal(5, scaler.Next(0, 5, 500));
        Assert.Equal(5, scaler.Next(15, 5, 2000));
        Assert.Equal(5, scaler.Next(45, 5, 2000));
        Assert.Equal(20, scaler.Next(60, 5, 2000));
    }

    [Theory]
    [InlineData(null, 20, 4)] // the most that a policy allows: twice as many, or four more; half of them
    [InlineData("Min", 11, 9)]
    [InlineData("Disabled", 10, 10)]
    public void Next_SeveralPolicies_AsIsSelected(string? select, int up, int down)
    {
        V2HPAScalingPolicy[] policies = [new() { Type = "Percent", Value = 100, PeriodSeconds = 60 }, _onePod];
        V2HPAScalingPolicy[] downPolicies = [new() { Type = "Percent", Value = 60, PeriodSeconds = 60 }, _onePod];
        HorizontalAutoscaler Of() => new(1, 50, Target, new V2HorizontalPodAutoscalerBehavior
        {
            ScaleUp = new() { SelectPolicy = select, Policies = policies },
            ScaleDown = new() { StabilizationWindowSeconds = 0, SelectPolicy = select, Policies = downPolicies },
        });
        Assert.Equal(up, Of().Next(0, 10, 5000));
        Assert.Equal(down, Of().Next(0, 10, 100));
    }

    /// <summary>What came or went within a policy's period counts against it.</summary>
    [Fact]
    public void Next_AgainWithinAPeriod_NoMoreThanThePolicyAllows()
    {
        var scaler = new HorizontalAutoscaler(1, 50, Target, new V2HorizontalPodAutoscalerBehavior { ScaleUp = new() { Policies = [new() { Type = "Percent", Value = 100, PeriodSeconds = 30 }] }, ScaleDown = new() { Policies = [_onePod] } });
        Assert.Equal(4, scaler.Next(0, 2, 5000));
        Assert.Equal(4, scaler.Next(15, 4, 5000));
        Assert.Equal(8, scaler.Next(30, 4, 5000));
    }

    /// <summary>Whichever of the two scales, it is by the same rule.</summary>
    [Fact]
    public async Task Scalers_BothOfThem_AreToldTheSame()
    {
        var keda = Manifests.Load(await Kustomization.BaseAsync("autoscaling-keda")).One<ScaledObject>("slice").Spec;
        var hpa = Manifests.Load(await Kustomization.BaseAsync("autoscaling-hpa")).One<V2HorizontalPodAutoscaler>("slice").Spec;
        Assert.Equal(JsonSerializer.Serialize(keda.Advanced!.HorizontalPodAutoscalerConfig!.Behavior), JsonSerializer.Serialize(hpa.Behavior));
        Assert.Equal((keda.MaxReplicaCount, keda.Triggers.Single().Metadata["threshold"]), (hpa.MaxReplicas, hpa.Metrics.Single().External.Target.AverageValue.ToString()));
        Assert.Contains(hpa.Metrics.Single().External.Metric.Name, keda.Triggers.Single().Metadata["query"], StringComparison.Ordinal);
    }

    /// <summary>Without limits of policies.</summary>
    private static HorizontalAutoscaler Free(int least, int most, int upWindow = 0, int downWindow = 0)
    {
        V2HPAScalingPolicy[] any = [new() { Type = "Pods", Value = 1000, PeriodSeconds = 15 }];
        return new(least, most, Target, new V2HorizontalPodAutoscalerBehavior
        {
            ScaleUp = new() { StabilizationWindowSeconds = upWindow, Policies = any },
            ScaleDown = new() { StabilizationWindowSeconds = downWindow, Policies = any },
        });
    }
}
