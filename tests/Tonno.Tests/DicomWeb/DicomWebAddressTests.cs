using ToNNO.Tonno.DicomWeb;

namespace ToNNO.Tonno.Tests.DicomWeb;

public sealed class DicomWebAddressTests
{
    [Theory]
    [InlineData("dicomweb+http://pacs:8042/dicom-web", "http://pacs:8042/dicom-web/", "", "dicomweb+http://pacs:8042/dicom-web")]
    [InlineData("dicomweb+https://pacs/", "https://pacs/", "", "dicomweb+https://pacs")]
    [InlineData("dicomweb+https://pacs/a/b/studies/", "https://pacs/a/b/", "", "dicomweb+https://pacs/a/b")]
    [InlineData("dicomweb+https://pacs/studies/archive", "https://pacs/studies/archive/", "", "dicomweb+https://pacs/studies/archive")]
    [InlineData("dicomweb+https://pacs/a/studies/1.2?Modality=CT&00080060=CT", "https://pacs/a/", "studies/1.2", "dicomweb+https://pacs/a/studies/1.2?Modality=CT&00080060=CT")]
    [InlineData("dicomweb+https://pacs/a/studies/1.2/series/3.4", "https://pacs/a/", "studies/1.2/series/3.4/instances", "dicomweb+https://pacs/a/studies/1.2/series/3.4/instances")]
    [InlineData("dicomweb+https://pacs/a/studies/1.2/series/3.4/instances/5.6", "https://pacs/a/", "studies/1.2/series/3.4/instances/5.6", "dicomweb+https://pacs/a/studies/1.2/series/3.4/instances/5.6")]
    public void Parse_Address_ServiceAndResource(string text, string service, string resource, string canonical)
    {
        var address = DicomWebAddress.Parse(text);
        Assert.Equal((service, resource, canonical), (address.Service.AbsoluteUri, address.Resource, address.ToString()));
        Assert.Equal(address, DicomWebAddress.Parse(canonical));
    }

    [Theory]
    [InlineData("dicomweb://pacs/dicom-web")]
    [InlineData("dicomweb+ftp://pacs/dicom-web")]
    [InlineData("dicomweb+https://")]
    [InlineData("dicomweb+https://user:secret@pacs/dicom-web")]
    [InlineData("dicomweb+https://pacs/dicom-web#1")]
    [InlineData("dicomweb+https://pacs/dicom-web?Modalty=CT")]
    [InlineData("dicomweb+https://pacs/dicom-web?limit=5")]
    [InlineData("dicomweb+https://pacs/dicom-web/studies/1.2/series/3.4?Modality=CT")]
    public void Parse_WhatIsNone_RefusedWithoutRepeatingIt(string text)
    {
        Assert.True(DicomWebAddress.IsOne(text));
        var refused = Assert.Throws<PacsException>(() => DicomWebAddress.Parse(text));
        Assert.Equal("pacs.address_invalid", refused.Code);
        Assert.DoesNotContain("secret", refused.Message, StringComparison.Ordinal);
    }
}
