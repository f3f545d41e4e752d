using System.Runtime.InteropServices;

namespace ToNNO.Tonno.Commands;

/// <summary>Ctrl-C and SIGTERM: the first is heard by the command, which stops its node; another ends the process at once, and loses
/// no more than a kill does.</summary>
/// <remarks>The command line library has such a handler too, but it throws where a second signal comes while the first is handled.</remarks>
internal static class Interruption
{
    // Held for the life of the process: a registration that is collected hears nothing more.
    private static readonly List<PosixSignalRegistration> _registrations = [];
    private static readonly Lock _telling = new();
    private static bool _told;

    /// <summary>Listens from now on.</summary>
    /// <returns>Cancelled by the first signal.</returns>
    public static CancellationToken Listen()
    {
        var interrupted = new CancellationTokenSource();
        var heard = 0;
        void Hear(PosixSignalContext signal)
        {
            signal.Cancel = true;
            switch (Interlocked.Increment(ref heard))
            {
                case 1:
                    interrupted.Cancel();
                    break;
                case 2:
                    Tell();
                    // Not by Environment.Exit: native libraries that are loaded meanwhile do not survive the end of their statics.
                    ExitAtOnce(ExitCodes.Interrupted);
                    break;
            }
        }

        _registrations.Add(PosixSignalRegistration.Create(PosixSignal.SIGINT, Hear));
        _registrations.Add(PosixSignalRegistration.Create(PosixSignal.SIGTERM, Hear));
        return interrupted.Token;
    }

    [DllImport("libc", EntryPoint = "_exit")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern void ExitAtOnce(int code);

    /// <summary>Tells the user, once, whoever comes to it first; the other waits until it is told, since it may end the process.</summary>
    public static void Tell()
    {
        lock (_telling)
        {
            if (!_told)
            {
                Console.Error.WriteLine("interrupted: run it again, and it goes on from here.");
                _told = true;
            }
        }
    }
}
