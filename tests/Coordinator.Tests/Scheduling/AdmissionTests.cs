using CsCheck;
using ToNNO.Contracts;
using ToNNO.Coordinator.Scheduling;

namespace ToNNO.Coordinator.Tests.Scheduling;

public class AdmissionTests
{
    [Fact]
    public void Exceeds_LargerThanTheBudget_CouldNeverStart()
    {
        var admission = new Admission(budgetBytes: 100, maximumVolumes: 4);
        Assert.True(admission.Exceeds(101));
        Assert.False(admission.Exceeds(100));
    }

    [Fact]
    public void Admit_LoneVolumeThatIsTooLarge_IsNotBlockedForEver()
    {
        var admission = new Admission(budgetBytes: 100, maximumVolumes: 4);
        admission.Request(new("huge"), 1000);
        admission.Request(new("small"), 1);
        Assert.Equal([new VolumeId("huge")], admission.Admit());
        admission.Release(new("huge"));
        Assert.Equal([new VolumeId("small")], admission.Admit());
    }

    [Fact]
    public void Admit_VolumeThatMustBeAlone_WaitsForTheOthersAndTheyForIt()
    {
        var admission = new Admission(budgetBytes: 100, maximumVolumes: 4);
        admission.Request(new("a"), 1);
        admission.Request(new("suspect"), 1, alone: true);
        admission.Request(new("b"), 1);
        Assert.Equal([new VolumeId("a")], admission.Admit());
        admission.Release(new("a"));
        Assert.Equal([new VolumeId("suspect")], admission.Admit());
        Assert.Empty(admission.Admit());
        admission.Release(new("suspect"));
        Assert.Equal([new VolumeId("b")], admission.Admit());
    }

    [Fact]
    public void Release_VolumeThatWasNeverAdmitted_IsHarmless()
    {
        var admission = new Admission(budgetBytes: 100, maximumVolumes: 1);
        admission.Release(new("unknown"));
        admission.Request(new("a"), 1);
        Assert.Single(admission.Admit());
    }

    [Fact]
    public void Admit_RandomSizesAndReleases_WithinBudgetInOrderAndAllInTheEnd() =>
        Gen.Select(Gen.Long[1, 100].Array[1, 40], Gen.Int[0, 1000], Gen.Int[1, 6]).Sample((sizes, seed, maximum) =>
        {
            const long Budget = 100;
            var random = new Random(seed);
            var admission = new Admission(Budget, maximum);
            var (running, started) = (new List<VolumeId>(), new List<VolumeId>());
            long SizeOf(VolumeId id) => sizes[int.Parse(id.Value, System.Globalization.CultureInfo.InvariantCulture)];
            void Admit()
            {
                var admitted = admission.Admit();
                running.AddRange(admitted);
                started.AddRange(admitted);
                Assert.True(running.Sum(SizeOf) <= Budget);
                Assert.True(running.Count <= maximum);
            }

            for (var index = 0; index < sizes.Length; index++)
            {
                admission.Request(new($"{index}"), sizes[index]);
                Admit();
                if (running.Count > 0 && random.Next(2) == 0)
                {
                    Release(random.Next(running.Count));
                }
            }

            while (running.Count > 0)
            {
                Release(random.Next(running.Count));
            }

            Assert.Equal(Enumerable.Range(0, sizes.Length).Select(index => new VolumeId($"{index}")), started);

            void Release(int index)
            {
                admission.Release(running[index]);
                running.RemoveAt(index);
                Admit();
            }
        });
}
