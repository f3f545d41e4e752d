using System.CommandLine;

namespace ToNNO.Tonno.Commands;

/// <summary>Arguments of the commands that look after a store.</summary>
internal static class StoreArguments
{
    public static Argument<string> Store() =>
        new Argument<string>("STORE") { Description = "A folder that results were written into, or azure://CONTAINER/PREFIX" }.NotEmpty();
}
