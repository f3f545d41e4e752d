using System.ComponentModel.DataAnnotations;
using System.Runtime.InteropServices;
using ToNNO.Encoders.Networks;
using TorchSharp;
using static TorchSharp.torch;

namespace ToNNO.Encoders.Training;

/// <summary>A training that can stop at any step, be looked at, put away and taken up again.</summary>
/// <remarks>The network is on the device while this lives, and on the CPU again afterwards.</remarks>
public sealed class SliceTrainingSession : IDisposable
{
    private readonly TrainableNetwork _network;
    private readonly ISliceSource _source;
    private readonly SliceTrainingOptions _options;
    private readonly Device _device;
    private readonly TorchSharp.Modules.AdamW _optimizer;
    private readonly Tensor _pixels;
    private readonly Tensor _labels;
    private readonly Tensor _positiveWeight;

    /// <param name="network">Trained in place.</param>
    /// <exception cref="ValidationException">An option is out of its range.</exception>
    /// <exception cref="EncoderException">The device is absent.</exception>
    public SliceTrainingSession(TrainableNetwork network, ISliceSource source, SliceTrainingOptions options)
    {
        ArgumentNullException.ThrowIfNull(network);
        ArgumentNullException.ThrowIfNull(source);
        ArgumentNullException.ThrowIfNull(options);
        Validator.ValidateObject(options, new ValidationContext(options), validateAllProperties: true);
        (_network, _source, _options, _device) = (network, source, options, TorchDevice.Resolve(options.Device));
        // Before anything is made of the weights: those that move to another device are new tensors.
        Prepare(network, _device);
        _optimizer = optim.AdamW(network.parameters(), options.LearningRate, weight_decay: options.WeightDecay);
        _pixels = NewBatch(network, options);
        _labels = empty(options.BatchSize, network.Architecture.Classes).DetachFromDisposeScope();
        _positiveWeight = full([network.Architecture.Classes], options.PositiveWeight, device: _device).DetachFromDisposeScope();
    }

    /// <summary>Steps done.</summary>
    public int Step { get; private set; }

    /// <summary>Trains on, and leaves the network evaluating.</summary>
    /// <param name="until">The step to stop before.</param>
    /// <param name="progress">Called every <see cref="SliceTrainingOptions.ReportEvery"/> steps and after the last.</param>
    /// <returns>The last report; its loss and the others' count from the beginning of this call.</returns>
    /// <exception cref="EncoderException">The loss is no longer finite.</exception>
    public TrainingProgress Advance(int until, Action<TrainingProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(until, _options.Steps);
        var report = default(TrainingProgress);
        var (lossSum, lossCount) = (0.0, 0);
        try
        {
            _network.train();
            for (; Step < until; Step++)
            {
                cancellationToken.ThrowIfCancellationRequested();
                var rate = SliceTrainer.LearningRateAt(Step, _options);
                foreach (var group in _optimizer.ParamGroups)
                {
                    group.LearningRate = rate;
                }

                _source.Fill(Step, Floats(_pixels), Floats(_labels));
                var loss = Learn();
                if (!double.IsFinite(loss))
                {
                    throw new EncoderException(
                        EncoderError.TrainingDiverged,
                        $"The loss became {loss} at step {Step} of {_options.Steps}: lower the learning rate, or look for NaN in the slices.");
                }

                (lossSum, lossCount) = (lossSum + loss, lossCount + 1);
                if ((Step + 1) % _options.ReportEvery == 0 || Step + 1 == until)
                {
                    report = new TrainingProgress(Step + 1, _options.Steps, lossSum / lossCount, rate);
                    progress?.Invoke(report);
                    (lossSum, lossCount) = (0, 0);
                }
            }

            return report;
        }
        finally
        {
            _network.eval();
        }
    }

    /// <summary>The network's logits <c>[slice, K]</c> on slices that are not learned from, and the slices' labels.</summary>
    /// <param name="batches">Batches 0 to this are asked of <paramref name="source"/>.</param>
    public (float[] Logits, float[] Labels) Answers(ISliceSource source, int batches)
    {
        var slices = batches * _options.BatchSize * _network.Architecture.Classes;
        var (logits, labels) = (new float[slices], new float[slices]);
        Evaluate(_network, _device, source, batches, _options, logits, labels);
        return (logits, labels);
    }

    /// <summary>All that the next step depends on.</summary>
    public SliceTrainingState Export()
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var numbers = new Dictionary<string, float[]>(StringComparer.Ordinal);
        foreach (var (name, tensor) in Tensors())
        {
            numbers[name] = Floats(tensor.detach().cpu().contiguous()).ToArray();
        }

        return new SliceTrainingState(Step, numbers);
    }

    /// <summary>Takes up where <see cref="Export"/> left off: the steps to come are, on the CPU, those of a training that never stopped.</summary>
    /// <exception cref="ArgumentException">The state is another network's.</exception>
    public void Restore(SliceTrainingState state)
    {
        ArgumentNullException.ThrowIfNull(state);
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var tensors = Tensors();
        if (!tensors.Keys.ToHashSet().SetEquals(state.Numbers.Keys) || tensors.Any(pair => pair.Value.numel() != state.Numbers[pair.Key].Length))
        {
            throw new ArgumentException("The state is another network's.", nameof(state));
        }

        foreach (var (name, into) in tensors)
        {
            // Copied into what is there: it keeps its layout in memory, on which the order of sums depends.
            into.copy_(tensor(state.Numbers[name], into.shape));
        }

        foreach (var moments in Moments())
        {
            moments.step = state.Step;
        }

        Step = state.Step;
    }

    public void Dispose()
    {
        using var scope = NewDisposeScope(); // of the gradients, as they are cleared
        _optimizer.zero_grad();
        _optimizer.Dispose();
        _pixels.Dispose();
        _labels.Dispose();
        _positiveWeight.Dispose();
        _network.to(CPU);
        _network.eval();
    }

    /// <summary>Logits and labels <c>[slice, K]</c> of batches of a source.</summary>
    internal static void Evaluate(
        TrainableNetwork network, Device device, ISliceSource source, int batches, SliceTrainingOptions options, Span<float> logits, Span<float> labels)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        network.eval();
        var pixels = NewBatch(network, options);
        using (pixels)
        {
            var perBatch = options.BatchSize * network.Architecture.Classes;
            for (var batch = 0; batch < batches; batch++)
            {
                using var step = NewDisposeScope();
                source.Fill(batch, Floats(pixels), labels.Slice(batch * perBatch, perBatch));
                Floats(network.call(pixels.to(device), options.PixelMm).cpu().contiguous()).CopyTo(logits[(batch * perBatch)..]);
            }
        }
    }

    internal static void Prepare(TrainableNetwork network, Device device)
    {
        network.to(device);
        if (device.type == DeviceType.CPU)
        {
            ChannelsLast.Apply(network);
        }
    }

    private Tensor Loss(Tensor logits, Tensor labels) => _options.Loss switch
    {
        SliceLoss.CrossEntropy => nn.functional.binary_cross_entropy_with_logits(logits, labels, pos_weights: _positiveWeight),
        SliceLoss.Huber => nn.functional.huber_loss(logits, labels),
        _ => throw new InvalidOperationException($"Unknown loss {_options.Loss}."),
    };

    private double Learn()
    {
        using var scope = NewDisposeScope();
        _optimizer.zero_grad();
        var logits = _network.call(_pixels.to(_device), _options.PixelMm);
        var loss = Loss(logits, _labels.to(_device));
        loss.backward();
        if (_options.GradientNorm > 0)
        {
            nn.utils.clip_grad_norm_(_network.parameters(), _options.GradientNorm);
        }

        _optimizer.step();
        return loss.item<float>();
    }

    /// <summary>The network's tensors by their names, and Adam's two moments of each parameter.</summary>
    private Dictionary<string, Tensor> Tensors()
    {
        var tensors = new Dictionary<string, Tensor>(StringComparer.Ordinal);
        foreach (var (name, tensor) in _network.State())
        {
            tensors[SliceTrainingState.WeightPrefix + name] = tensor;
        }

        foreach (var (moments, index) in Moments().Select((moments, index) => (moments, index)))
        {
            tensors[$"moment1.{index}"] = moments.exp_avg;
            tensors[$"moment2.{index}"] = moments.exp_avg_sq;
        }

        return tensors;
    }

    private IEnumerable<TorchSharp.Modules.AdamW.State> Moments() => _optimizer.state_dict().State.Cast<TorchSharp.Modules.AdamW.State>();

    private static Tensor NewBatch(TrainableNetwork network, SliceTrainingOptions options) =>
        zeros(options.BatchSize, network.Architecture.InputChannels, options.SliceSize, options.SliceSize).DetachFromDisposeScope();

    private static Span<float> Floats(Tensor tensor) => MemoryMarshal.Cast<byte, float>(tensor.bytes);
}
