using System.Diagnostics.Metrics;

namespace ToNNO.Imaging;

/// <summary>The instruments of sources.</summary>
public static class ImagingTelemetry
{
    public const string MeterName = "ToNNO.Imaging";

    private static readonly Meter _meter = new(MeterName);

    private static readonly Counter<long> _io = _meter.CreateCounter<long>("tonno.source.io", "By", "Bytes of sources read, of zips unpacked, by place: disk, zip or remote.");

    /// <summary>Counts what is read of a stream.</summary>
    internal static Stream Counted(this Stream stream, string place) => new CountedStream(stream, new("place", place));

    private sealed class CountedStream(Stream stream, KeyValuePair<string, object?> place) : ReadOnlyStream
    {
        public override int Read(Span<byte> buffer)
        {
            var read = stream.Read(buffer);
            _io.Add(read, place);
            return read;
        }

        protected override void Dispose(bool disposing)
        {
            if (disposing)
            {
                stream.Dispose();
            }

            base.Dispose(disposing);
        }
    }
}
