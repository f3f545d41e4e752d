using System.Collections.Frozen;
using System.Text.RegularExpressions;

namespace ToNNO.Tonno.DicomWeb;

/// <summary>A place in a PACS, as in <c>dicomweb+https://pacs/dicom-web/studies/UID/series/UID</c>: a service, or a study, series or instance of it.</summary>
/// <param name="Service">What <c>studies</c> is added to; ends in '/'.</param>
/// <param name="Filter">Which series of it, as QIDO-RS takes it; empty for all.</param>
internal sealed partial record DicomWebAddress(Uri Service, string? Study, string? Series, string? Instance, string Filter)
{
    /// <summary>Begins an address: what follows is the service's own, with <c>http</c> or <c>https</c>.</summary>
    public const string Scheme = "dicomweb+";

    /// <summary>What series may be searched by (PS3.18, 10.6, and what is commonly offered besides). A PACS passes over a word that it does not
    /// know, so that a misspelt one would take all.</summary>
    private static readonly FrozenSet<string> _keys = FrozenSet.ToFrozenSet(
        [
            "StudyDate", "StudyTime", "StudyInstanceUID", "StudyID", "StudyDescription", "AccessionNumber", "ModalitiesInStudy", "ReferringPhysicianName",
            "PatientName", "PatientID", "PatientBirthDate", "PatientSex", "Modality", "SeriesInstanceUID", "SeriesNumber", "SeriesDescription", "BodyPartExamined",
            "PerformedProcedureStepStartDate", "PerformedProcedureStepStartTime",
        ],
        StringComparer.Ordinal);

    public static bool IsOne(string path) => path.StartsWith("dicomweb", StringComparison.Ordinal) && path.Contains("://", StringComparison.Ordinal);

    /// <exception cref="PacsException">AddressInvalid.</exception>
    public static DicomWebAddress Parse(string text)
    {
        if (!text.StartsWith(Scheme, StringComparison.Ordinal) || !Uri.TryCreate(text[Scheme.Length..], UriKind.Absolute, out var uri)
            || uri is not { Scheme: "http" or "https", UserInfo: "", Fragment: "", Host.Length: > 0 })
        {
            throw Refused($"A PACS is named as in {Scheme}https://pacs:8042/dicom-web, without a password: set {DicomWebFiles.Identity.BasicVariable} or {DicomWebFiles.Identity.TokenVariable}.");
        }

        var parts = Parts().Match(uri.AbsolutePath);
        string? Part(string name) => parts.Groups[name] is { Success: true } group ? group.Value : null;
        var address = new DicomWebAddress(
            new Uri($"{uri.GetLeftPart(UriPartial.Authority)}{parts.Groups["service"].Value.TrimEnd('/')}/"), Part("study"), Part("series"), Part("instance"), uri.Query.TrimStart('?'));
        if (address is { Series: not null, Filter.Length: > 0 })
        {
            throw Refused("An address that names a series takes no filter: leave one of them out.");
        }

        foreach (var key in address.Filter.Split('&', StringSplitOptions.RemoveEmptyEntries).Select(pair => pair.Split('=')[0]))
        {
            if (!_keys.Contains(key) && !Tag().IsMatch(key))
            {
                throw Refused($"The filter has a key that series are not searched by: use {string.Join(", ", _keys.Order(StringComparer.Ordinal))}, or a tag of eight digits.");
            }
        }

        return address;
    }

    /// <summary>A series of the same service: what its instances are listed by.</summary>
    public DicomWebAddress Of(string study, string series) => new(Service, study, series, null, "");

    /// <summary>From the service on, as DICOMweb asks for it.</summary>
    public string Resource => (Study, Series, Instance) switch
    {
        (null, _, _) => "",
        (_, null, _) => $"studies/{Study}",
        (_, _, null) => $"studies/{Study}/series/{Series}/instances",
        _ => $"studies/{Study}/series/{Series}/instances/{Instance}",
    };

    public override string ToString() => $"{Scheme}{Service}{Resource}".TrimEnd('/') + (Filter.Length > 0 ? $"?{Filter}" : "");

    private static PacsException Refused(string message) => new(PacsFault.AddressInvalid, message);

    [GeneratedRegex("^(?<service>.*?)(/studies(/(?<study>[0-9.]{1,64})(/series(/(?<series>[0-9.]{1,64})(/instances(/(?<instance>[0-9.]{1,64}))?)?)?)?)?)?/*$")]
    private static partial Regex Parts();

    [GeneratedRegex("^[0-9A-Fa-f]{8}$")]
    private static partial Regex Tag();
}
