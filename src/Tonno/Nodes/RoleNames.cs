using ToNNO.Coordinator;
using ToNNO.ReconActors;
using ToNNO.SliceActors;

namespace ToNNO.Tonno.Nodes;

internal static class RoleNames
{
    public static IReadOnlyList<string> All { get; } = [CoordinatorHosting.Role, SliceHosting.Role, ReconHosting.Role];
}
