using System.Globalization;
using CsCheck;
using ToNNO.Imaging.Dicom.Results;

namespace ToNNO.Imaging.Tests.Dicom.Results;

public sealed class DecimalTextTests
{
    private const int Longest = 16;

    [Fact]
    public void Of_WhatADecimalStringHolds_ComesBackTheSame() => Gen.Select(Gen.Double[-1e6, 1e6], Gen.Int[1, 12]).Sample((number, digits) =>
    {
        var text = number.ToString($"G{digits}", CultureInfo.InvariantCulture);
        if (text.Length <= Longest)
        {
            var value = double.Parse(text, CultureInfo.InvariantCulture);
            Assert.Equal(value, double.Parse(DecimalText.Of(value), CultureInfo.InvariantCulture));
        }
    });

    [Fact]
    public void Of_AnyNumber_FitsAndIsClose() => Gen.Double.Where(double.IsFinite).Sample(value =>
    {
        var text = DecimalText.Of(value);
        Assert.True(text.Length <= Longest, text);
        // A sign, a point and an exponent of three digits (-1.23456789E-300) leave nine digits.
        Assert.True(Math.Abs(double.Parse(text, CultureInfo.InvariantCulture) - value) <= 1e-8 * Math.Abs(value), $"{value:R}: {text}");
    });

    [Theory]
    [InlineData(-0.0, "0")]
    [InlineData(3.27, "3.27")]
    [InlineData(-41.0156212, "-41.0156212")]
    [InlineData(1.0 / 3, "0.33333333333333")]
    public void Of_Number_ShortestText(double value, string text) => Assert.Equal(text, DecimalText.Of(value));

    [Fact]
    public void Of_NotFinite_Refused() => Assert.Throws<ArgumentOutOfRangeException>(() => DecimalText.Of(double.NaN));
}
