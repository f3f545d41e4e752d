using System.Net;

namespace ToNNO.Tonno.Tests.DicomWeb;

internal static class Listening
{
    /// <summary>Answers requests, one after the other, until the listener is closed.</summary>
    public static async Task ServeAsync(this HttpListener listener, Func<HttpListenerContext, Task> answer)
    {
        while (listener.IsListening)
        {
            HttpListenerContext context;
            try
            {
                context = await listener.GetContextAsync();
            }
            catch (Exception closed) when (closed is HttpListenerException or ObjectDisposedException)
            {
                return;
            }

            await answer(context);
            context.Response.Close();
        }
    }
}
