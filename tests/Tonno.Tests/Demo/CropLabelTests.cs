using ToNNO.Tonno.Commands;
using ToNNO.Tonno.Demo;

namespace ToNNO.Tonno.Tests.Demo;

public class CropLabelTests
{
    /// <summary>Set to write the file anew: <c>TONNO_WRITE_CROPS=1 dotnet run --project tests/Tonno.Tests -- -class '*CropLabelTests'</c>.</summary>
    private const string WriteVariable = "TONNO_WRITE_CROPS";

    private static readonly SampleCases _samples = new(Path.Combine(SampleFolder.Root, "samples", "pet"));

    [Fact]
    public void Crops_GeneratedAnew_AreTheOnesThatShip()
    {
        var generated = TrainingCrop.Format(CropGenerator.Crops(_samples));
        if (Environment.GetEnvironmentVariable(WriteVariable) == "1")
        {
            File.WriteAllText(_samples.CropsPath, generated);
        }

        Assert.Equal(generated, File.ReadAllText(_samples.CropsPath));
    }

    [Fact]
    public void Crops_Labels_SayWhatTheMasksSay()
    {
        var crops = TrainingCrop.Parse(File.ReadAllText(_samples.CropsPath));
        foreach (var ofCase in crops.GroupBy(crop => crop.CaseId))
        {
            var header = _samples.Image(ofCase.Key).Header;
            var mask = _samples.Mask(ofCase.Key, header);
            foreach (var crop in ofCase)
            {
                var tumour = crop.Box.Cut<byte>(mask, header.Shape).Count(voxel => voxel != 0);
                Assert.True(
                    crop.HasTumour ? tumour >= CropGenerator.LeastTumour * crop.Box.Shape.VoxelCount : tumour == 0,
                    $"{crop} has {tumour} voxels of tumour.");
            }
        }
    }

    [Fact]
    public void Crops_Pairs_AreBalancedAndTellNothingByTheirShape()
    {
        var crops = TrainingCrop.Parse(File.ReadAllText(_samples.CropsPath));
        Assert.Equal(SampleCases.TrainingIds, crops.Select(crop => crop.CaseId).Distinct());
        Assert.All(crops.Chunk(2), pair =>
        {
            Assert.Equal((pair[0].CaseId, pair[0].Box.Shape), (pair[1].CaseId, pair[1].Box.Shape));
            Assert.True(pair[0].HasTumour);
            Assert.False(pair[1].HasTumour);
        });
    }

    [Fact]
    public void Split_NoCase_IsInBothParts() => Assert.Empty(SampleCases.TrainingIds.Intersect(SampleCases.TestIds));

    [Theory]
    [InlineData("")]
    [InlineData("case,label,start_i,start_j,start_k,size_i,size_j,size_k\n")]
    [InlineData("case,label,start_i,start_j,start_k,size_i,size_j,size_k\nSTS_002,2,0,0,0,9,9,9\n")]
    [InlineData("case,label,start_i,start_j,start_k,size_i,size_j,size_k\nSTS_002,1,0,0,0,9,9\n")]
    [InlineData("case,label,start_i,start_j,start_k,size_i,size_j,size_k\nSTS_002,1,-1,0,0,9,9,9\n")]
    public void Parse_Damaged_IsRefused(string csv) =>
        Assert.Equal("demo.crops_invalid", Assert.Throws<CommandException>(() => TrainingCrop.Parse(csv)).Code);
}
