using ToNNO.Contracts;
using ToNNO.Coordinator.Auditing;
using ToNNO.Imaging;
using ToNNO.Storage;
using ToNNO.Tonno.Exporting;

namespace ToNNO.Tonno.Tests.Exporting;

/// <summary>What becomes of a job's lines and exit code, by how the exports of the archive's three results end.</summary>
public sealed class ExportJobTests(ExportArchive archive) : IClassFixture<ExportArchive>
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Run_AVolumeIsRefused_TheOthersGoOn()
    {
        var (job, lines) = await RunAsync(id => id == "ct" ? throw new ImagingException(RejectReason.SourceChanged, "changed") : Line(id, ExportState.Exported));
        Assert.Equal(4, lines.Count);
        Assert.Equal(("source.changed", ExportState.Refused), (lines["ct"].ReasonCode, lines["ct"].State));
        Assert.Equal((2, 1, 1, 3), (job.Count(ExportState.Exported), job.Count(ExportState.Refused), job.Count(ExportState.NotDone), job.ExitCode));
    }

    [Fact]
    public async Task Run_TheStoreFails_TheOthersAreNotTriedButAccountedFor()
    {
        var (job, lines) = await RunAsync(id => id == "ct" ? throw new BlobStoreException(BlobStoreError.Unavailable, "down") : Line(id, ExportState.Exported));
        Assert.Equal(("store.unavailable", 2), (lines["ct"].ReasonCode, job.ExitCode));
        Assert.Equal(4, job.Volumes);
        Assert.All(lines.Keys.SkipWhile(id => id != "ct").Skip(1), id => Assert.Equal((ExportState.NotDone, "export.stopped"), (lines[id].State, lines[id].ReasonCode)));
    }

    [Fact]
    public async Task Run_NothingCouldBeExported_ExitCodeSaysSo()
    {
        var (job, _) = await RunAsync(id => Line(id, ExportState.LeftOut));
        Assert.Equal(4, job.ExitCode);
    }

    [Fact]
    public async Task Run_TwoExports_TheWorstStandsForTheVolumeWithTheFilesOfBoth()
    {
        var (_, lines) = await RunAsync(
            id => Line(id, id == "ct" ? ExportState.Exported : ExportState.LeftOut),
            id => id == "enhanced" ? throw new ExportException("pacs.refused", "no") : Line(id, ExportState.Unchanged));
        Assert.Equal((ExportState.Exported, ExportState.Refused, ExportState.Unchanged), (lines["ct"].State, lines["enhanced"].State, lines["anat_sub-01_T1w"].State));
        Assert.Equal(["ct", "ct"], lines["ct"].Files);
        Assert.Equal("pacs.refused", lines["enhanced"].ReasonCode);
    }

    private static ExportLine Line(string id, ExportState state) => new(new(id), state, [id]);

    /// <param name="exports">What each export makes of a volume.</param>
    private async Task<(ExportJob Job, IReadOnlyDictionary<string, ExportLine> Lines)> RunAsync(params Func<string, ExportLine>[] exports)
    {
        var job = new ExportJob(new RunResults(new LocalFolderStore(archive.Store), TimeProvider.System), [.. exports.Select(export => new Scripted(export))]);
        var lines = new Dictionary<string, ExportLine>();
        await foreach (var line in job.RunAsync(null, Token))
        {
            lines.Add(line.VolumeId.Value, line);
        }

        return (job, lines);
    }

    private sealed class Scripted(Func<string, ExportLine> export) : IVolumeExport
    {
        public Task<ExportLine> ExportAsync(RunVolume volume, VolumeResult result, CancellationToken cancel)
        {
            try
            {
                return Task.FromResult(export(result.VolumeId.Value));
            }
            catch (Exception refused)
            {
                return Task.FromException<ExportLine>(refused);
            }
        }
    }
}
