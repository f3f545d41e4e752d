using System.Reflection;
using ToNNO.Tomography.Geometry;
using ToNNO.Tomography.Sampling;

namespace ToNNO.Contracts.Tests;

/// <summary>Fills records by their constructors and init properties, at random or at the boundaries.</summary>
internal sealed class RandomContent(int seed)
{
    // Not −0: protobuf leaves out what equals a field's default, and it arrives as 0.
    private static readonly double[] Doubles = [0, 1, -1, 0.1, 1e-300, double.MaxValue, double.Epsilon];
    private static readonly string[] Texts = ["", "a", "ünï/…\u0000\n🫁", "sub-01_ses-02", new('x', 300)];
    private readonly Random _random = new(seed);

    public object Of(Type type)
    {
        if (Nullable.GetUnderlyingType(type) is { } inner)
        {
            return _random.Next(2) == 0 ? null! : Of(inner);
        }

        return type switch
        {
            _ when type == typeof(string) => Texts[_random.Next(Texts.Length)],
            _ when type == typeof(bool) => _random.Next(2) == 0,
            _ when type == typeof(int) => Pick(0, 1, -1, int.MaxValue, int.MinValue, _random.Next()),
            _ when type == typeof(long) => Pick(0, 1, -1, long.MaxValue, long.MinValue, _random.NextInt64()),
            _ when type == typeof(double) => _random.Next(2) == 0 ? _random.NextDouble() * 100 : Doubles[_random.Next(Doubles.Length)],
            _ when type == typeof(TimeSpan) => Pick(TimeSpan.Zero, TimeSpan.MaxValue, TimeSpan.MinValue, TimeSpan.FromTicks(_random.NextInt64())),
            _ when type == typeof(DateTimeOffset) => DateTimeOffset.UnixEpoch.AddTicks(_random.NextInt64(1L << 60)),
            _ when type == typeof(VolumeGeometry) => Geometry(),
            _ when type == typeof(IntensityMap) => Intensity(),
            _ when type == typeof(HeatmapThreshold) => new HeatmapThreshold(_random.NextDouble(), _random.Next(2) == 0),
            { IsEnum: true } => Enum.GetValues(type).GetValue(_random.Next(Enum.GetValues(type).Length))!,
            { IsGenericType: true } when type.GetGenericTypeDefinition() == typeof(IReadOnlyList<>) => List(type.GenericTypeArguments[0]),
            _ => Record(type),
        };
    }

    private T Pick<T>(params T[] values) => values[_random.Next(values.Length)];

    private Array List(Type element)
    {
        // A volume has a channel, and a model a class.
        var least = element == typeof(IntensityMap) || element == typeof(ModelClass) || element == typeof(string) ? 1 : 0;
        var list = Array.CreateInstance(element, Pick(least, 1, 7));
        for (var at = 0; at < list.Length; at++)
        {
            list.SetValue(Of(element), at);
        }

        return list;
    }

    private object Record(Type type)
    {
        var constructor = type.GetConstructors().OrderByDescending(c => c.GetParameters().Length).First();
        var made = constructor.Invoke(constructor.GetParameters().Select(parameter => Of(parameter.ParameterType)).ToArray());
        var named = constructor.GetParameters().Select(parameter => parameter.Name).ToHashSet();
        foreach (var property in type.GetProperties().Where(property => property.CanWrite && !named.Contains(property.Name) && !property.IsDefined(typeof(System.Text.Json.Serialization.JsonIgnoreAttribute))))
        {
            var optional = new NullabilityInfoContext().Create(property).WriteState == NullabilityState.Nullable;
            property.SetValue(made, optional && _random.Next(2) == 0 ? null : Of(property.PropertyType));
        }

        return made;
    }

    private VolumeGeometry Geometry()
    {
        var frame = SliceFrame.For(new Vector3D(_random.NextDouble(), _random.NextDouble(), 1).Normalized());
        var affine = new AffineTransform(0.7 * frame.U, -1.1 * frame.V, 3 * frame.N, new(_random.NextDouble(), 0, 1e9));
        return new VolumeGeometry(new VolumeShape(Pick(1, 512), Pick(1, 99), Pick(1, int.MaxValue)), affine);
    }

    private IntensityMap Intensity() => Pick(
        IntensityMap.Identity,
        new IntensityMap(-160, 240, -1024),
        new IntensityMap(float.NegativeInfinity, 3, 0.5f),
        new IntensityMap(0, 100, 0, -1),
        new IntensityMap(1, 99, 0, -1, 1, new WindowRule(WindowUnit.Percentile, BesidesFill: true)),
        new IntensityMap(-3, 5, 7, Rule: new WindowRule(WindowUnit.Deviation, BesidesFill: false)),
        new IntensityMap(0, 100, 0, 0.5f, 255),
        new IntensityMap(float.MinValue, float.MaxValue, float.Epsilon));
}
