using Xunit.Sdk;
using Xunit.v3;

// Tests count the process's live tensors, so no two may run at once.
[assembly: Parallelization(Mode = ParallelMode.None)]
