using System.Globalization;
using CsCheck;
using ToNNO.Contracts;
using ToNNO.Coordinator.Scheduling;

namespace ToNNO.Coordinator.Tests.Scheduling;

public class AdmissionTests
{
    private static readonly RunId _one = new("one");
    private static readonly RunId _other = new("other");
    private readonly Dictionary<RunId, int?> _ranks = new() { [_one] = 0, [_other] = 0 };
    private readonly Admission<string> _admission = new(budgetBytes: 100, maximumVolumes: 4);

    [Fact]
    public void Exceeds_LargerThanTheBudget_CouldNeverStart()
    {
        Assert.True(_admission.Exceeds(101));
        Assert.False(_admission.Exceeds(100));
    }

    [Fact]
    public void Admit_LoneVolumeThatIsTooLarge_IsNotBlockedForEver()
    {
        _admission.Request("huge", _one, 1000);
        _admission.Request("small", _one, 1);
        Assert.Equal(["huge"], Admit());
        _admission.Release("huge");
        Assert.Equal(["small"], Admit());
    }

    [Fact]
    public void Admit_VolumeThatMustBeAlone_WaitsForTheOthersAndTheyForIt()
    {
        _admission.Request("a", _one, 1);
        _admission.Request("suspect", _one, 1, alone: true);
        _admission.Request("b", _one, 1);
        Assert.Equal(["a"], Admit());
        _admission.Release("a");
        Assert.Equal(["suspect"], Admit());
        Assert.Empty(Admit());
        _admission.Release("suspect");
        Assert.Equal(["b"], Admit());
    }

    [Fact]
    public void Release_VolumeThatWaitsOrIsUnknown_ChangesNothingElse()
    {
        _admission.Release("unknown");
        _admission.Request("a", _one, 60);
        _admission.Request("b", _one, 60);
        _admission.Request("c", _one, 40);
        Assert.Equal(["a"], Admit());
        _admission.Release("b");
        Assert.Equal(["c"], Admit());
    }

    [Fact]
    public void Admit_TwoRuns_ShareOneBudgetAndTakeTurns()
    {
        foreach (var n in Enumerable.Range(0, 4))
        {
            _admission.Request($"a{n}", _one, 1);
        }

        Assert.Equal(["a0", "a1", "a2", "a3"], Admit());
        foreach (var n in Enumerable.Range(4, 4))
        {
            _admission.Request($"a{n}", _one, 1);
            _admission.Request($"b{n}", _other, 1);
        }

        Assert.Empty(Admit());
        Assert.Empty(_admission.MustGiveWay(Rank)); // among equals nobody goes
        Assert.Equal(["b4", "b5", "a4", "b6"], new[] { "a0", "a1", "a2", "b4" }.SelectMany(released =>
        {
            _admission.Release(released);
            return Admit();
        }));
    }

    [Fact]
    public void Admit_HigherRun_IsFirstAndAHeldOneNotAtAll()
    {
        _admission.Request("a", _one, 1);
        _admission.Request("b", _other, 1);
        (_ranks[_one], _ranks[_other]) = (null, null);
        Assert.Empty(Admit());
        (_ranks[_one], _ranks[_other]) = (-1, 3);
        Assert.Equal(["b", "a"], Admit());
    }

    [Fact]
    public void MustGiveWay_HigherRunWaits_AsManyOfTheLatestAsItNeeds()
    {
        _admission.Request("a", _one, 30);
        _admission.Request("b", _one, 30);
        _admission.Request("c", _one, 30);
        Admit();
        _admission.Request("urgent", _other, 50);
        Assert.Empty(_admission.MustGiveWay(Rank));
        _ranks[_other] = 1;
        Assert.Equal(["c", "b"], _admission.MustGiveWay(Rank));
        _admission.Release("c");
        Assert.Empty(Admit());
        Assert.Equal(["b"], _admission.MustGiveWay(Rank));
        _admission.Release("b");
        Assert.Equal(["urgent"], Admit());
        Assert.Empty(_admission.MustGiveWay(Rank));
    }

    [Fact]
    public void MustGiveWay_OneIsAboutToEnd_AnotherGoes()
    {
        _admission.Request("a", _one, 50);
        _admission.Request("b", _one, 50);
        Admit();
        _ranks[_other] = 1;
        _admission.Request("urgent", _other, 50);
        _admission.Stay("b");
        Assert.Equal(["a"], _admission.MustGiveWay(Rank));
        _admission.Stay("a");
        Assert.Empty(_admission.MustGiveWay(Rank));
    }

    [Fact]
    public void MustGiveWay_RunIsHeld_ItsVolumesGoOnlyForOthers()
    {
        _admission.Request("a", _one, 60);
        _admission.Request("b", _one, 60);
        Admit();
        _ranks[_one] = null;
        Assert.Empty(_admission.MustGiveWay(Rank));
        _admission.Request("c", _other, 60);
        Assert.Equal(["a"], _admission.MustGiveWay(Rank));
    }

    [Fact]
    public void MustGiveWay_WhatGoesWouldNotDo_NobodyGoes()
    {
        _admission.Request("equal", _other, 70);
        _admission.Request("low", _one, 20);
        _ranks[_one] = -1;
        Admit();
        _admission.Request("large", _other, 50);
        Assert.Empty(_admission.MustGiveWay(Rank));
        _admission.Release("large");
        _admission.Request("fits", _other, 30);
        Assert.Equal(["low"], _admission.MustGiveWay(Rank));
    }

    [Fact]
    public void Admit_RandomRunsSizesAndReleases_WithinBudgetInOrderOfEachRunAndAllInTheEnd() =>
        Gen.Select(Gen.Long[1, 100].Array[1, 40], Gen.Int[0, 1000], Gen.Int[1, 6], Gen.Int[1, 4]).Sample((sizes, seed, maximum, runs) =>
        {
            const long Budget = 100;
            var random = new Random(seed);
            var admission = new Admission<int>(Budget, maximum);
            var (running, started) = (new List<int>(), new List<int>());
            for (var volume = 0; volume < sizes.Length; volume++)
            {
                admission.Request(volume, RunOf(volume), sizes[volume]);
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

            Assert.Equal(Enumerable.Range(0, sizes.Length), started.Order());
            Assert.All(started.GroupBy(RunOf), run => Assert.Equal(run.Order(), run));

            RunId RunOf(int volume) => new((volume % runs).ToString(CultureInfo.InvariantCulture));

            int? RankOf(RunId run) => run.Value[0] / 2; // two of each rank

            void Admit()
            {
                var admitted = admission.Admit(RankOf);
                running.AddRange(admitted);
                started.AddRange(admitted);
                Assert.True(running.Sum(volume => sizes[volume]) <= Budget);
                Assert.True(running.Count <= maximum);
                Assert.All(admission.MustGiveWay(RankOf), volume => Assert.Contains(volume, running));
            }

            void Release(int index)
            {
                admission.Release(running[index]);
                running.RemoveAt(index);
                Admit();
            }
        });

    private IReadOnlyList<string> Admit() => _admission.Admit(Rank);

    private int? Rank(RunId run) => _ranks[run];
}
