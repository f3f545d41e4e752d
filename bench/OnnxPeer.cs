using Microsoft.ML.OnnxRuntime;

namespace ToNNO.Bench;

/// <summary>A network in ONNX Runtime, on the processor.</summary>
internal sealed class OnnxPeer : IDisposable
{
    private readonly InferenceSession _session;
    private readonly RunOptions _run = new();

    /// <param name="path">An exported network of one input and one output.</param>
    public OnnxPeer(string path)
    {
        // One thread in each of several callers, as our encoders have it; a thread that spins for its fellows would count as work.
        using var options = new SessionOptions { IntraOpNumThreads = 1, InterOpNumThreads = 1, GraphOptimizationLevel = GraphOptimizationLevel.ORT_ENABLE_ALL };
        options.AddSessionConfigEntry("session.intra_op.allow_spinning", "0");
        _session = new InferenceSession(path, options);
    }

    /// <summary>Encodes a batch <c>[count, 1, size, size]</c>; several threads may at once.</summary>
    public float[] Encode(float[] slices, int count, int size)
    {
        using var input = OrtValue.CreateTensorValueFromMemory(slices, [count, 1, size, size]);
        using var outputs = _session.Run(_run, [.. _session.InputNames], [input], [.. _session.OutputNames]);
        return outputs[0].GetTensorDataAsSpan<float>().ToArray();
    }

    public void Dispose()
    {
        _run.Dispose();
        _session.Dispose();
    }
}
