namespace ToNNO.Encoders.Tests;

public sealed class EncoderFactoryTests
{
    [Fact]
    public void Open_Sum_GivesOracle()
    {
        using var encoder = EncoderFactory.Open("builtin:sum", "auto");
        Assert.Equal(2, encoder.Card.Alpha);
        Assert.Equal(64, encoder.Card.Sha256.Length);
        Assert.True(encoder.Card.Intensities.Single().IsIdentity);
    }

    [Theory]
    [InlineData("builtin:magic", "cpu", "model.missing")]
    [InlineData("/nowhere/at/all", "cpu", "model.missing")]
    [InlineData("builtin:sum", "gpu", "encoder.device_invalid")]
    [InlineData("builtin:sum", "cuda:-1", "encoder.device_invalid")]
    [InlineData("builtin:sum", "cuda:+1", "encoder.device_invalid")]
    [InlineData("builtin:sum", "CPU", "encoder.device_invalid")]
    public void Open_Nonsense_IsRefused(string model, string device, string code) =>
        Assert.Equal(code, Assert.Throws<EncoderException>(() => EncoderFactory.Open(model, device)).Code);

    [Fact]
    public void Code_OfEveryError_IsDistinct()
    {
        var errors = Enum.GetValues<EncoderError>().Where(error => error != EncoderError.Unspecified).ToArray();
        Assert.Equal(errors.Length, errors.Select(EncoderException.CodeOf).Distinct().Count());
    }

    [Fact]
    public void FailureModes_TellOfEveryCode()
    {
        var page = File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "failure-modes.md"));
        Assert.All(
            Enum.GetValues<EncoderError>().Where(error => error != EncoderError.Unspecified).Select(EncoderException.CodeOf),
            code => Assert.Contains($"`{code}`", page, StringComparison.Ordinal));
    }
}
