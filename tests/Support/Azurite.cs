namespace ToNNO.Tests.Support;

/// <summary>Azurite for a test assembly.</summary>
public sealed class Azurite : AzuriteServer, IAsyncLifetime;
