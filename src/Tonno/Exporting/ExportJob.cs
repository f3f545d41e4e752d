using System.Runtime.CompilerServices;
using ToNNO.Contracts;
using ToNNO.Coordinator.Auditing;
using ToNNO.Imaging;
using ToNNO.Storage;
using ToNNO.Tonno.Commands;

namespace ToNNO.Tonno.Exporting;

/// <summary>Exports the results of a store, volume by volume; each is accounted for by one line.</summary>
internal sealed class ExportJob(RunResults results, IReadOnlyList<IVolumeExport> exports)
{
    private const string Stopped = "export.stopped";

    private readonly Dictionary<ExportState, int> _counts = Enum.GetValues<ExportState>().ToDictionary(state => state, _ => 0);
    private int? _stoppedBy;

    public int Volumes => _counts.Values.Sum();

    public int Count(ExportState state) => _counts[state];

    /// <summary>Of the command, once all lines are told.</summary>
    public int ExitCode =>
        _stoppedBy ?? (Count(ExportState.Exported) + Count(ExportState.Unchanged) == 0 ? ExitCodes.NothingDone
            : Count(ExportState.Refused) + Count(ExportState.NotDone) > 0 ? ExitCodes.SomeFailed
            : ExitCodes.Completed);

    /// <param name="run">Whose inputs; null for those of all runs.</param>
    /// <exception cref="BlobStoreException">The store failed, or has no such run.</exception>
    public async IAsyncEnumerable<ExportLine> RunAsync(RunId? run, [EnumeratorCancellation] CancellationToken cancel)
    {
        await foreach (var volume in results.VolumesAsync(run, cancel).ConfigureAwait(false))
        {
            var line = await ExportAsync(volume, cancel).ConfigureAwait(false);
            _counts[line.State]++;
            yield return line;
            if (_stoppedBy is not null)
            {
                break; // what lies behind would fare no better
            }
        }

        foreach (var volume in _stoppedBy is null ? [] : await OthersAsync(run, Volumes, cancel).ConfigureAwait(false))
        {
            _counts[ExportState.NotDone]++;
            yield return new(volume, ExportState.NotDone, [], Stopped, "What failed before would have failed it, too: export it again.");
        }
    }

    /// <summary>The volumes that are accounted for though they were not tried; none where the store that tells of them is what failed.</summary>
    private async Task<IReadOnlyList<VolumeId>> OthersAsync(RunId? run, int tried, CancellationToken cancel)
    {
        try
        {
            return await results.InputsAsync(run, cancel).Skip(tried).Select(input => input.VolumeId).ToListAsync(cancel).ConfigureAwait(false);
        }
        catch (BlobStoreException)
        {
            return [];
        }
    }

    private async Task<ExportLine> ExportAsync(RunVolume volume, CancellationToken cancel)
    {
        var id = volume.Input.VolumeId;
        if (!volume.IsDone)
        {
            return new(id, ExportState.NotDone, [], volume.ReasonCode is { Length: > 0 } code ? code : "volume.unfinished",
                volume.Detail is { Length: > 0 } detail ? detail : "It has no result yet: run it again.");
        }

        if (volume.Result is not { } result)
        {
            return new(id, ExportState.Refused, [], VerifiedReading.Missing, $"There is no {VolumeResult.FileName} that can be read: verify the store, and run the volume again.");
        }

        var lines = new List<ExportLine>();
        foreach (var export in exports)
        {
            lines.Add(await ExportAsync(export, volume, result, cancel).ConfigureAwait(false));
        }

        // What went worst stands for the volume; of the others, that something was done, with what there was to say of it.
        var told = lines.Find(line => line.State == ExportState.Refused) ?? lines.MinBy(line => line.State)!;
        var details = string.Join(' ', lines.Select(line => line.Detail).OfType<string>());
        return told with
        {
            Files = [.. lines.SelectMany(line => line.Files)],
            ReasonCode = told.ReasonCode ?? lines.Find(line => line.ReasonCode is not null)?.ReasonCode,
            Detail = details.Length > 0 ? details : null,
        };
    }

    private async Task<ExportLine> ExportAsync(IVolumeExport export, RunVolume volume, VolumeResult result, CancellationToken cancel)
    {
        try
        {
            return await export.ExportAsync(volume, result, cancel).ConfigureAwait(false);
        }
        catch (ImagingException refused)
        {
            return new(result.VolumeId, ExportState.Refused, [], refused.Code, refused.Message);
        }
        catch (BlobStoreException failed)
        {
            _stoppedBy = Refusal.Of(failed)!.ExitCode; // of the store, or of the place that the source lies in
            return new(result.VolumeId, ExportState.Refused, [], failed.Code, failed.Message);
        }
        catch (ExportException refused)
        {
            _stoppedBy = refused.ExitCode ?? _stoppedBy;
            return new(result.VolumeId, ExportState.Refused, [], refused.Code, refused.Message);
        }
    }
}
