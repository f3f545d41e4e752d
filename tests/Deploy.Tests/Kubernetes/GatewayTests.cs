using System.Net;
using System.Text.Json.Nodes;
using k8s.Models;
using ToNNO.Imaging.Dicom.Results;
using ToNNO.Tests.Support;
using ToNNO.Tomography.Geometry;
using ToNNO.Tonno.DicomWeb;
using ToNNO.Tonno.Exporting;

namespace ToNNO.Deploy.Tests.Kubernetes;

/// <summary>Debian's Orthanc with the settings of the component dicomweb-gateway.</summary>
public sealed class GatewayTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Gateway_WithTheComponentsSettings_TakesAndGivesForThoseItKnowsAlone()
    {
        var manifests = Manifests.Load(await ManifestTests.RenderAsync("base+dicomweb-gateway"));
        var settings = manifests.All<V1ConfigMap>().Single(map => map.Metadata.Name.StartsWith("dicomweb-gateway", StringComparison.Ordinal)).Data["orthanc.json"];
        await using var orthanc = await OrthancServer.StartAsync(JsonNode.Parse(settings)!.AsObject());

        using var stranger = new HttpClient();
        using var refused = await stranger.GetAsync(new Uri($"{orthanc.Address}/studies"), Cancel);
        Assert.Equal(HttpStatusCode.Unauthorized, refused.StatusCode);

        var basic = $"{OrthancServer.User}:{orthanc.Password}";
        using var stow = new StowClient(orthanc.Address, name => name == StowClient.BasicVariable ? basic : null, TimeSpan.FromSeconds(10), TimeProvider.System);
        var slices = PlainSeries.Slices(new Volume(new VolumeGeometry(new(5, 4, 3), AffineTransform.Scaling(1, 1, 2)), new float[60]), "series", "study").ToList();
        foreach (var slice in slices)
        {
            Assert.True(await stow.StoreAsync("slice", () => new MemoryStream(slice.File), slice.InstanceUid, new("v"), Cancel));
        }

        var files = new DicomWebFiles(name => name == DicomWebFiles.Identity.BasicVariable ? basic : null);
        var found = files.List($"dicomweb+{orthanc.Address}", below: true, Cancel);
        Assert.Equal(slices.Count, found.Count);
        await using var read = files.Open(found.Single(file => file.EndsWith(slices[0].InstanceUid, StringComparison.Ordinal)), long.MaxValue);
        Assert.Equal(slices[0].File.Length, read.Length);
    }
}
