using System.Text;
using ToNNO.Tests.Support;
using ToNNO.Tonno.Commands;
using ToNNO.Tonno.Training;

namespace ToNNO.Tonno.Tests.Training;

public sealed class LabelSheetTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public LabelSheetTests()
    {
        foreach (var name in new[] { "a.nii", "b.nii", "c.nii", "d, with a comma.nii" })
        {
            File.WriteAllText(_folder[name], "");
        }
    }

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Read_SplitColumn_DecidesAndNamesMayBeQuoted()
    {
        var sheet = Write("patient, file ,label,split,note\n1,a.nii,1,train,\n1,b.nii,0,train,x\n2,c.nii,YES,validation,\"a \"\"b\"\"\"\n3,\"d, with a comma.nii\",no,validation,\n\n");
        Assert.True(LabelSheet.HasSplit(sheet));
        var cohort = LabelSheet.Read(sheet, null, share: null, seed: 0);
        Assert.Equal([(_folder["a.nii"], true, "1"), (_folder["b.nii"], false, "1")], cohort.Training.Select(file => (file.Path, file.IsPositive, file.Patient)));
        Assert.Equal([(_folder["c.nii"], true, "2"), (_folder["d, with a comma.nii"], false, "3")], cohort.Validation.Select(file => (file.Path, file.IsPositive, file.Patient)));
    }

    [Fact]
    public void Read_Root_IsWhereFilesLie()
    {
        Directory.CreateDirectory(_folder["elsewhere"]);
        var sheet = Write("file,label,patient\na.nii,1,1\nb.nii,0,1\nc.nii,1,2\nd.nii,0,2\n", "elsewhere/labels.csv");
        File.WriteAllText(_folder["d.nii"], "");
        Assert.All(LabelSheet.Read(sheet, _folder.Path, 0.5, 0).Training, file => Assert.True(File.Exists(file.Path)));
        Assert.Equal("labels.files_missing", Refused(() => LabelSheet.Read(sheet, null, 0.5, 0)).Code);
    }

    [Theory]
    [InlineData("", "labels.column_missing")]
    [InlineData("file,label\na.nii,1\n", "labels.column_missing")]
    [InlineData("file,label,patient\n", "labels.incomplete")]
    [InlineData("file,label,patient\na.nii,1,1\nb.nii,,2\n", "labels.incomplete")]
    [InlineData("file,label,patient\na.nii,1,\n", "labels.incomplete")]
    [InlineData("file,label,patient\na.nii,maybe,1\n", "labels.invalid")]
    [InlineData("file,label,patient\na.nii,1\n", "labels.unreadable")]
    [InlineData("file,label,patient\n\"a.nii,1,1\n", "labels.unreadable")]
    [InlineData("file,label,patient\na.nii,1,1\ngone.nii,0,2\nlost.nii,0,3\n", "labels.files_missing")]
    [InlineData("file,label,patient\na.nii,1,1\nb.nii,0,2\na.nii,0,3\n", "labels.file_repeated")]
    [InlineData("file,label,patient\na.nii,1,1\nb.nii,1,2\n", "labels.one_class")]
    [InlineData("file,label,patient\na.nii,1,1\nb.nii,0,1\n", "labels.split_one_class")]
    [InlineData("file,label,patient\na.nii,1,1\nb.nii,0,2\nc.nii,1,3\n", "labels.split_one_class")]
    [InlineData("file,label,patient,split\na.nii,1,1,train\nb.nii,0,1,validation\n", "labels.patient_on_both_sides")]
    [InlineData("file,label,patient,split\na.nii,1,1,train\nb.nii,0,1,train\nc.nii,1,2,validation\n", "labels.split_one_class")]
    [InlineData("file,label,patient,split\na.nii,1,1,test\n", "labels.invalid")]
    [InlineData("file,label,patient,split\na.nii,1,1,\n", "labels.incomplete")]
    public void Read_Unfit_OneSentence(string csv, string code)
    {
        var sheet = Write(csv);
        var refused = Refused(() => LabelSheet.Read(sheet, null, csv.Contains("split", StringComparison.Ordinal) ? null : 0.5, 0));
        Assert.Equal((code, ExitCodes.Usage), (refused.Code, refused.ExitCode));
        Assert.Matches(@"^[^\n]+[^.]\.$", refused.Message);
    }

    [Fact]
    public void Read_FilesMissing_TellsHowManyAndTheFirst()
    {
        var refused = Refused(() => LabelSheet.Read(Write("file,label,patient\na.nii,1,1\ngone.nii,0,2\nlost.nii,0,3\n"), null, 0.5, 0));
        Assert.StartsWith($"2 of the 3 files that labels.csv names are not there, the first {_folder["gone.nii"]}", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_LabelMissing_NamesLineAndVolume() => Assert.StartsWith(
        "Line 3 of labels.csv, of b.nii, has no label",
        Refused(() => LabelSheet.Read(Write("file,label,patient\na.nii,1,1\nb.nii,,2\n"), null, 0.5, 0)).Message,
        StringComparison.Ordinal);

    [Fact]
    public void Read_NotThereOrNoText_Refused()
    {
        Assert.Equal("labels.unreadable", Refused(() => LabelSheet.Read(_folder["none.csv"], null, 0.5, 0)).Code);
        File.WriteAllBytes(_folder["labels.csv"], [.. "file,label,patient\n"u8, 0xff, 0xfe, .. ".nii,1,1\n"u8]);
        Assert.Equal("labels.unreadable", Refused(() => LabelSheet.Read(_folder["labels.csv"], null, 0.5, 0)).Code);
    }

    [Fact]
    public void Validation_Patients_SplitByKindAndNotByOrder()
    {
        // Twenty patients with yes alone, ten with no alone, five with both.
        List<LabelledFile> files = [];
        for (var patient = 0; patient < 35; patient++)
        {
            void Add(bool isPositive) => files.Add(new($"/{patient}/{isPositive}", "", isPositive, $"{patient}"));
            if (patient is < 20 or >= 30)
            {
                Add(true);
            }

            if (patient >= 20)
            {
                Add(false);
            }
        }

        var chosen = PatientSplit.Validation(files, 0.2, seed: 1);
        int Chosen(int from, int to) => chosen.Count(patient => int.Parse(patient, null) is var number && number >= from && number < to);
        Assert.Equal((4, 2, 1), (Chosen(0, 20), Chosen(20, 30), Chosen(30, 35)));
        files.Reverse();
        Assert.Equal(chosen.Order(), PatientSplit.Validation(files, 0.2, seed: 1).Order());
        Assert.NotEqual(chosen.Order(), PatientSplit.Validation(files, 0.2, seed: 2).Order());
    }

    private static CommandException Refused(Action read) => Assert.Throws<CommandException>(read);

    private string Write(string csv, string name = "labels.csv")
    {
        File.WriteAllText(_folder[name], csv, new UTF8Encoding(encoderShouldEmitUTF8Identifier: true));
        return _folder[name];
    }
}
