namespace ToNNO.Tomography.Sampling;

/// <summary>Gauss-Legendre quadrature on [-1, 1].</summary>
internal static class GaussLegendre
{
    /// <summary>Nodes, ascending, and weights (sum 2) of the rule that is exact for polynomials up to degree 2n − 1.</summary>
    /// <remarks>Newton's method on P_n from the asymptotic roots cos(π(i + ¾)/(n + ½)); Abramowitz and Stegun 25.4.29.</remarks>
    public static (double[] Nodes, double[] Weights) Rule(int count)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        var nodes = new double[count];
        var weights = new double[count];
        for (var i = 0; i < count; i++)
        {
            var x = -Math.Cos(Math.PI * (i + 0.75) / (count + 0.5));
            double slope, step;
            do
            {
                (var value, slope) = Legendre(count, x);
                step = value / slope;
                x -= step;
            }
            while (Math.Abs(step) > 1e-15);

            (_, slope) = Legendre(count, x);
            nodes[i] = x;
            weights[i] = 2 / ((1 - (x * x)) * slope * slope);
        }

        return (nodes, weights);
    }

    private static (double Value, double Slope) Legendre(int degree, double x)
    {
        var (previous, current) = (1.0, x);
        for (var l = 2; l <= degree; l++)
        {
            (previous, current) = (current, ((((2 * l) - 1) * x * current) - ((l - 1) * previous)) / l);
        }

        return (current, degree * ((x * current) - previous) / ((x * x) - 1));
    }
}
