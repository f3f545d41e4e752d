namespace ToNNO.Tonno.Commands;

/// <summary>What the process tells its caller.</summary>
internal static class ExitCodes
{
    /// <summary>All inputs completed.</summary>
    public const int Completed = 0;

    /// <summary>Usage or configuration.</summary>
    public const int Usage = 2;

    /// <summary>Some inputs failed or were quarantined.</summary>
    public const int SomeFailed = 3;

    /// <summary>Nothing could be done.</summary>
    public const int NothingDone = 4;

    public const int Interrupted = 130;
}

/// <summary>A command cannot go on; the user is told why in one sentence.</summary>
internal sealed class CommandException(int exitCode, string code, string message) : Exception(message)
{
    public int ExitCode { get; } = exitCode;

    /// <summary>Stable reason code.</summary>
    public string Code { get; } = code;
}
