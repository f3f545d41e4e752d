using ToNNO.Contracts;
using ToNNO.Encoders;
using ToNNO.SliceActors.Encoding;
using ToNNO.Tests.Support;

namespace ToNNO.SliceActors.Tests.Encoding;

/// <summary>Which models a node holds, and when they go.</summary>
public sealed class EncoderPoolTests : IDisposable
{
    private readonly List<string> _opened = [];
    private readonly List<string> _gone = [];
    private readonly EncoderPool _pool;

    public EncoderPoolTests() => _pool = new EncoderPool(settings =>
    {
        _opened.Add(settings.Model);
        return new NamedEncoder(settings.Model, settings.ModelSha256, _gone);
    });

    public void Dispose() => _pool.Dispose();

    [Fact]
    public void Borrow_TwoRunsInTurn_EachModelIsLoadedOnce()
    {
        for (var turn = 0; turn < 5; turn++)
        {
            foreach (var model in new[] { "a", "b" })
            {
                using var use = _pool.Borrow(Run(model));
                Assert.Equal(model, use.Encoder.Card.Name);
            }
        }

        Assert.Equal(["a", "b"], _opened);
        Assert.Empty(_gone);
    }

    [Fact]
    public void Borrow_AThirdModel_TheOneUsedLongestAgoGoesUnlessItIsInUse()
    {
        using (_pool.Borrow(Run("a")))
        {
            _pool.Borrow(Run("b")).Dispose();
            _pool.Borrow(Run("c")).Dispose();
            Assert.Equal(["b"], _gone);
        }

        _pool.Borrow(Run("d")).Dispose();
        Assert.Equal(["b", "a"], _gone);
    }

    [Fact]
    public void Borrow_AThirdModelWhileBothAreInUse_OneGoesOnceNobodyEncodesWithIt()
    {
        using (_pool.Borrow(Run("a")))
        using (_pool.Borrow(Run("b")))
        {
            _pool.Borrow(Run("c")).Dispose();
            Assert.Empty(_gone);
        }

        Assert.Equal(["a"], _gone);
        _pool.Dispose();
        Assert.Equal(["a", "b", "c"], _gone);
    }

    [Fact]
    public void Borrow_OfADevice_OnlyTheModelOfTheLatestRunStays()
    {
        using var pool = new EncoderPool(settings => new NamedEncoder(settings.Model, settings.ModelSha256, _gone, "cuda:0"));
        pool.Borrow(Run("a")).Dispose();
        pool.Borrow(Run("b")).Dispose();
        Assert.Equal(["a"], _gone);
    }

    [Fact]
    public void Borrow_ModelThatChangedWhereItLies_IsReadAgain()
    {
        _pool.Borrow(Run("a")).Dispose();
        using var other = _pool.Borrow(Run("a") with { ModelSha256 = "other" });
        Assert.Equal(["a", "a"], _opened);
        Assert.Equal(["a"], _gone);
    }

    [Fact]
    public void Borrow_NotTheModelThatWasPlannedWith_Refused()
    {
        using var pool = new EncoderPool(settings => new NamedEncoder(settings.Model, "found", _gone));
        var refused = Assert.Throws<EncoderException>(() => pool.Borrow(Run("a")));
        Assert.Equal(EncoderError.ModelChanged, refused.Error);
        Assert.Equal(["a"], _gone);
    }

    private static RunSettings Run(string model) => SmallWork.Task("v").Settings with { Model = model, ModelSha256 = "planned" };

    private sealed class NamedEncoder(string name, string sha256, List<string> gone, string device = "cpu") : ISliceEncoder
    {
        public EncoderCard Card { get; } = new SumEncoder().Card with { Name = name, Sha256 = sha256 };

        public string Device => device;

        public void Encode(ReadOnlySpan<float> slices, int count, SliceFormat format, Span<float> logits) => throw new NotSupportedException();

        public void Dispose() => gone.Add(name);
    }
}
