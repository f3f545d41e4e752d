using System.Collections.Concurrent;
using System.Net;
using ToNNO.Imaging;
using ToNNO.Storage;

namespace ToNNO.Tonno.DicomWeb;

/// <summary>The instances of a PACS as files: listed by QIDO-RS, read by WADO-RS as they are stored. See <see cref="DicomWebAddress"/> for paths.</summary>
/// <param name="environment">Gives a variable's value; null for the process's own.</param>
/// <param name="patience">How long to try a PACS that cannot; null for what suits a run, which asks again by itself.</param>
internal sealed class DicomWebFiles(Func<string, string?>? environment = null, TimeSpan? patience = null) : IRemoteFiles
{
    public static readonly PacsIdentity Identity = new("TONNO_DICOMWEB__TOKEN", "TONNO_DICOMWEB__BASIC");

    /// <summary>Series whose instances are listed at once.</summary>
    private const int SearchesAtOnce = 8;

    private const string InstanceType = "application/dicom";
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan _mostUntilAnswer = TimeSpan.FromMinutes(1);

    private readonly ConcurrentDictionary<Uri, PacsConnection> _connections = [];

    /// <summary>An address as listed paths are compared with it.</summary>
    /// <exception cref="BlobStoreException">It is none.</exception>
    public static string Folder(string address) => Translated(() => DicomWebAddress.Parse(address).ToString());

    public bool Holds(string path) => DicomWebAddress.IsOne(path);

    /// <summary>The instances of the series that an address names or finds. A series that was found, but has none, is a file of its own, which cannot be opened.</summary>
    /// <inheritdoc/>
    /// <exception cref="BlobStoreException">The PACS fails, with a code of its own.</exception>
    public IReadOnlyList<string> List(string folder, bool below, CancellationToken cancel) =>
        Translated(() => ListAsync(DicomWebAddress.Parse(folder), cancel).GetAwaiter().GetResult()); // on a thread that reads files, and so waits

    public bool HoldsOneSeries(string folder) => Translated(() => DicomWebAddress.Parse(folder).Series is not null);

    /// <inheritdoc/>
    /// <remarks>An instance, or as much of it as is asked for, is here whole before it is handed on, so that an answer that is cut can be asked for again.</remarks>
    /// <exception cref="BlobStoreException">The PACS fails, with a code of its own.</exception>
    public Stream Open(string path, long mostBytes) => Translated(() =>
    {
        var address = DicomWebAddress.Parse(path);
        return address.Instance is null
            ? throw new ImagingException(RejectReason.FileMissing, "The PACS holds no such series, or none of its images any more: check the address and its filter.")
            : Connection(address).AskAsync(() => Request(address), (answer, cancel) => TakeAsync(answer, mostBytes, cancel), CancellationToken.None).GetAwaiter().GetResult()
                ?? throw new FileNotFoundException("There is no such instance.");
    });

    /// <inheritdoc/>
    /// <remarks>A PACS holds instances.</remarks>
    public Stream? OpenSeekable(string path) => null;

    private async Task<IReadOnlyList<string>> ListAsync(DicomWebAddress address, CancellationToken cancel)
    {
        if (address.Instance is not null)
        {
            return [];
        }

        var (pacs, files) = (Connection(address), new ConcurrentBag<string>());
        if (address is { Study: { } study, Series: { } series })
        {
            await AddAsync(address.Of(study, series), isFound: false, cancel).ConfigureAwait(false);
        }
        else
        {
            var found = await QidoSearch.AllAsync(
                pacs, address.Study is { } within ? $"studies/{within}/series" : "series", address.Filter, [QidoSearch.StudyInstanceUid, QidoSearch.SeriesInstanceUid], cancel).ConfigureAwait(false);
            await Parallel.ForEachAsync(
                found, new ParallelOptions { MaxDegreeOfParallelism = SearchesAtOnce, CancellationToken = cancel }, (one, token) => new ValueTask(AddAsync(address.Of(one[0], one[1]), isFound: true, token))).ConfigureAwait(false);
        }

        return [.. files.Order(StringComparer.Ordinal)];

        async Task AddAsync(DicomWebAddress series, bool isFound, CancellationToken token)
        {
            var instances = await QidoSearch.AllAsync(pacs, series.Resource, "", [QidoSearch.SopInstanceUid], token).ConfigureAwait(false);
            foreach (var uid in instances)
            {
                files.Add((series with { Instance = uid[0] }).ToString());
            }

            if (instances.Count == 0 && isFound)
            {
                files.Add(series.ToString());
            }
        }
    }

    /// <summary>Asks for the instance as it is stored: in another transfer syntax it would be another source.</summary>
    private static HttpRequestMessage Request(DicomWebAddress address)
    {
        var request = new HttpRequestMessage(HttpMethod.Get, address.Resource);
        request.Headers.TryAddWithoutValidation("Accept", $"multipart/related; type=\"{InstanceType}\"; transfer-syntax=*");
        return request;
    }

    /// <returns>Null where there is no such instance.</returns>
    private static async Task<Stream?> TakeAsync(HttpResponseMessage answer, long mostBytes, CancellationToken cancel)
    {
        if (answer.StatusCode is HttpStatusCode.NotFound or HttpStatusCode.Gone)
        {
            return null;
        }

        if (answer.StatusCode != HttpStatusCode.OK)
        {
            throw new PacsException(PacsFault.AnswerInvalid, $"The PACS does not give an instance that it lists (status {(int)answer.StatusCode}): look at its log.");
        }

        var boundary = answer.Content.Headers.ContentType is { MediaType: "multipart/related" } type
            ? type.Parameters.FirstOrDefault(parameter => parameter.Name.Equals("boundary", StringComparison.OrdinalIgnoreCase))?.Value?.Trim('"')
            : null;
        var body = await answer.Content.ReadAsStreamAsync(cancel).ConfigureAwait(false);
        var (start, lengthBytes) = await MultipartAnswer.ReadAsync(body, boundary ?? "", mostBytes, cancel).ConfigureAwait(false);
        return new InstanceStart(start, lengthBytes);
    }

    private PacsConnection Connection(DicomWebAddress address) => _connections.GetOrAdd(
        address.Service, service => new PacsConnection(service, Identity, environment ?? Environment.GetEnvironmentVariable, patience ?? _patience, _mostUntilAnswer, TimeProvider.System));

    /// <summary>Puts a PACS's failures into the terms by which actors know what passes.</summary>
    private static T Translated<T>(Func<T> read)
    {
        try
        {
            return read();
        }
        catch (PacsException failed)
        {
            var error = failed.Fault switch
            {
                PacsFault.Unauthorized => BlobStoreError.NoIdentity,
                PacsFault.AddressInvalid => BlobStoreError.InvalidAddress,
                _ => BlobStoreError.Unavailable,
            };
            throw new BlobStoreException(error, failed.Message, failed) { Code = failed.Code };
        }
    }

    /// <summary>Ends where no more was asked for, but has the length of the whole.</summary>
    private sealed class InstanceStart(ArraySegment<byte> start, long lengthBytes) : MemoryStream(start.Array!, start.Offset, start.Count, writable: false)
    {
        public override long Length => lengthBytes;
    }
}
