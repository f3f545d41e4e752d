using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace ToNNO.Tests.Support;

/// <summary>What a <see cref="FaultProxy"/> does to what comes through it.</summary>
public enum Fault
{
    /// <summary>Lets all through.</summary>
    None = 0,

    /// <summary>Closes connections as soon as they are made, and those that are.</summary>
    Refuse,

    /// <summary>Takes what is sent and gives nothing on, and never answers.</summary>
    Hang,

    /// <summary>Answers 503 to every request.</summary>
    Busy,

    /// <summary>Lets requests through, and closes the connection in place of the answer: the deed is done and nobody hears of it.</summary>
    LoseAnswers,

    /// <summary>Closes the connection after <see cref="FaultProxy.AnswerBytes"/> of an answer.</summary>
    CutAnswers,

    /// <summary>Closes the connection after <see cref="FaultProxy.RequestBytes"/> of what is sent.</summary>
    CutRequests,
}

/// <summary>A proxy between a client and a server on this machine, byte by byte, that a test makes fail.</summary>
public sealed class FaultProxy : IAsyncDisposable
{
    private static readonly byte[] BusyAnswer = Encoding.ASCII.GetBytes(
        "HTTP/1.1 503 Server Busy\r\nx-ms-error-code: ServerBusy\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");

    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stopping = new();
    private readonly ConcurrentDictionary<Socket, bool> _open = [];
    private readonly int _target;
    private readonly Task _accepting;
    private long _answered;
    private volatile Plan _plan = new(Fault.None, long.MaxValue);

    /// <param name="target">The server's port.</param>
    public FaultProxy(int target)
    {
        _target = target;
        _listener.Start();
        Port = ((IPEndPoint)_listener.LocalEndpoint).Port;
        _accepting = AcceptAsync();
    }

    public int Port { get; }

    /// <summary>Waited before each piece is handed on, either way.</summary>
    public TimeSpan Delay { get; set; }

    /// <summary>Bytes of an answer that <see cref="Fault.CutAnswers"/> lets through.</summary>
    public int AnswerBytes { get; set; }

    /// <summary>Bytes of a connection's requests that <see cref="Fault.CutRequests"/> lets through.</summary>
    public int RequestBytes { get; set; }

    /// <summary>Connections that met the fault.</summary>
    public int Met => _plan.Met;

    /// <summary>Bytes of answers that came from the server.</summary>
    public long Answered => Interlocked.Read(ref _answered);

    /// <summary>From now on.</summary>
    /// <param name="connections">How many connections meet the fault, before all is well again.</param>
    public void Set(Fault fault, long connections = long.MaxValue)
    {
        _plan = new Plan(fault, connections);
        if (fault != Fault.None)
        {
            // Those that are open know nothing of the fault.
            foreach (var socket in _open.Keys)
            {
                Reset(socket);
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        _listener.Stop();
        await _accepting;
        foreach (var socket in _open.Keys)
        {
            Reset(socket);
        }

        _stopping.Dispose();
    }

    private static void Reset(Socket socket)
    {
        try
        {
            socket.Close(0);
        }
        catch (SocketException)
        {
            // It was closed already.
        }
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                _ = ServeAsync(await _listener.AcceptSocketAsync(_stopping.Token));
            }
        }
        catch (Exception ended) when (ended is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // The proxy was disposed of.
        }
    }

    private async Task ServeAsync(Socket client)
    {
        _open[client] = true;
        using var server = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        client.NoDelay = true;
        var fault = _plan.Next();
        try
        {
            switch (fault)
            {
                case Fault.Refuse:
                    return;
                case Fault.Hang:
                    await PumpAsync(client, null, long.MaxValue);
                    return;
                case Fault.Busy:
                    await client.ReceiveAsync(new byte[1 << 16], _stopping.Token);
                    await client.SendAsync(BusyAnswer, _stopping.Token);
                    client.Shutdown(SocketShutdown.Send);
                    await PumpAsync(client, null, long.MaxValue); // a reset might overtake the answer
                    return;
            }

            await server.ConnectAsync(IPAddress.Loopback, _target, _stopping.Token);
            _open[server] = true;
            var there = PumpAsync(client, server, fault == Fault.CutRequests ? RequestBytes : long.MaxValue);
            var back = PumpAsync(server, client, fault switch { Fault.LoseAnswers => 0, Fault.CutAnswers => AnswerBytes, _ => long.MaxValue });
            await await Task.WhenAny(there, back);
        }
        catch (Exception ended) when (ended is SocketException or OperationCanceledException or ObjectDisposedException)
        {
            // One side closed the connection; the other's is closed below.
        }
        finally
        {
            Reset(client);
            Reset(server);
            _open.TryRemove(client, out _);
            _open.TryRemove(server, out _);
        }
    }

    /// <summary>Hands on what comes, as much as may pass; ends at the first byte more.</summary>
    private async Task PumpAsync(Socket from, Socket? to, long mayPass)
    {
        var buffer = new byte[1 << 16];
        while (await from.ReceiveAsync(buffer, _stopping.Token) is var count and > 0)
        {
            if (from.RemoteEndPoint is IPEndPoint { Port: var port } && port == _target)
            {
                Interlocked.Add(ref _answered, count);
            }

            if (Delay > TimeSpan.Zero)
            {
                await Task.Delay(Delay, _stopping.Token);
            }

            var passing = (int)Math.Min(count, mayPass);
            for (var sent = 0; to is not null && sent < passing;)
            {
                sent += await to.SendAsync(buffer.AsMemory(sent, passing - sent), _stopping.Token);
            }

            mayPass -= passing;
            if (passing < count)
            {
                return;
            }
        }
    }

    private sealed class Plan(Fault fault, long connections)
    {
        private long _left = connections;
        private int _met;

        public int Met => Volatile.Read(ref _met);

        public Fault Next()
        {
            if (fault == Fault.None || Interlocked.Decrement(ref _left) < 0)
            {
                return Fault.None;
            }

            Interlocked.Increment(ref _met);
            return fault;
        }
    }
}
