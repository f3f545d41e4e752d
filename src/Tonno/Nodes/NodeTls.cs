using System.Security.Cryptography.X509Certificates;
using Akka.Remote.Hosting;
using ToNNO.Tonno.Commands;

namespace ToNNO.Tonno.Nodes;

/// <summary>Mutual TLS between nodes: each shows a certificate that one of the cluster's own authorities signed, and no other is let in.</summary>
internal static class NodeTls
{
    /// <exception cref="CommandException">A file holds no certificate or key, or cannot be read.</exception>
    public static SslOptions Options(NodeOptions.TlsSection tls)
    {
        try
        {
            // The key of a PEM file lives in memory alone, where the TLS of some platforms does not find it: by way of PKCS 12 it does.
            using var pem = X509Certificate2.CreateFromPemFile(tls.Certificate, tls.Key);
            var certificate = X509CertificateLoader.LoadPkcs12(pem.Export(X509ContentType.Pkcs12), null);
            var authorities = new X509Certificate2Collection();
            authorities.ImportFromPemFile(tls.Authority);
            return new SslOptions
            {
                X509Certificate = certificate,
                RequireMutualAuthentication = true,
                CustomValidator = (peer, _, _, _, _) => peer is not null && IsSigned(peer, authorities),
            };
        }
        catch (Exception unreadable) when (unreadable is System.Security.Cryptography.CryptographicException or IOException or UnauthorizedAccessException)
        {
            throw new CommandException(ExitCodes.Usage, "config.invalid", $"The certificates of Cluster:Tls cannot be read: {unreadable.Message}");
        }
    }

    private static bool IsSigned(X509Certificate2 peer, X509Certificate2Collection authorities)
    {
        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.AddRange(authorities);
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck; // a cluster's own authority publishes no lists
        return chain.Build(peer);
    }
}
