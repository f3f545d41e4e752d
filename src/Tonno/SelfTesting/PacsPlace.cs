using ToNNO.Contracts;
using ToNNO.Imaging.Dicom;
using ToNNO.Imaging.Dicom.Results;
using ToNNO.Tonno.Commands;
using ToNNO.Tonno.DicomWeb;
using ToNNO.Tonno.Exporting;

namespace ToNNO.Tonno.SelfTesting;

/// <summary>A study of its own in a PACS, sent there by STOW-RS and read as any other.</summary>
/// <param name="id">What the study and its patient are called.</param>
internal sealed class PacsPlace(DicomWebAddress pacs, string id, StowClient stow) : IPhantomPlace
{
    /// <summary>Slices on their way at once.</summary>
    private const int SendsAtOnce = 4;

    public string Source => (pacs with { Study = PlainSeries.StudyUidOf(id) }).ToString();

    public IReadOnlyList<Phantom> Phantoms { get; } = [.. Phantom.All.Where(phantom => phantom.IsSeries)];

    public IEnumerable<string> Names => Phantoms.Select(phantom => IdOf(phantom).Value);

    /// <summary>The service of a PACS, as a source names it.</summary>
    /// <exception cref="CommandException">It is none, or a part of one.</exception>
    public static DicomWebAddress Parse(string address)
    {
        try
        {
            return DicomWebAddress.Parse(address) is { Study: null, Filter: "" } service ? service
                : throw new CommandException(ExitCodes.Usage, "pacs.address_invalid", "A self-test makes a study of its own: give the address of the PACS's DICOMweb service alone.");
        }
        catch (PacsException cannot)
        {
            throw new CommandException(ExitCodes.Usage, cannot.Code, cannot.Message);
        }
    }

    public VolumeId IdOf(Phantom phantom) => new($"series-{SeriesUri.KeyOf(PlainSeries.SeriesUidOf(NameOf(phantom)))}");

    /// <inheritdoc/>
    public Task PutAsync(CancellationToken cancel) => Parallel.ForEachAsync(
        Phantoms.SelectMany(phantom => PlainSeries.Slices(phantom.ToVolume(), NameOf(phantom), id).Select(slice => (Phantom: phantom, Slice: slice))),
        new ParallelOptions { MaxDegreeOfParallelism = SendsAtOnce, CancellationToken = cancel },
        async (one, token) => await stow.StoreAsync(
            "a slice", () => new MemoryStream(one.Slice.File, writable: false), one.Slice.InstanceUid, IdOf(one.Phantom), token).ConfigureAwait(false));

    /// <inheritdoc/>
    public async Task<string?> ClearAsync()
    {
        var because = "removes no studies by DICOMweb";
        try
        {
            if (await stow.TryRemoveAsync(PlainSeries.StudyUidOf(id), CancellationToken.None).ConfigureAwait(false))
            {
                return null;
            }
        }
        catch (ExportException failed)
        {
            because = $"did not remove it ({failed.Code})";
        }

        return $"The PACS {because}: the study of patient {id} is left there, remove it by its own means.";
    }

    private string NameOf(Phantom phantom) => $"{id}-{phantom.Name}";
}
