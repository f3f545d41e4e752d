using Xunit.Sdk;
using Xunit.v3;

// Each process keeps the cores busy by itself, and tests count the live tensors of this one.
[assembly: Parallelization(Mode = ParallelMode.None)]
