using Microsoft.AspNetCore.Http;
using ToNNO.Storage;

namespace ToNNO.Coordinator.Api;

/// <summary>Refusals as problem details (RFC 9457), with the reason code as <c>code</c> and in the type.</summary>
internal static class ApiProblems
{
    public static async ValueTask<object?> FilterAsync(EndpointFilterInvocationContext context, EndpointFilterDelegate next)
    {
        try
        {
            return await next(context).ConfigureAwait(false);
        }
        catch (OrderRefusedException refused)
        {
            return Of(refused.Code, refused.Message);
        }
        catch (BlobStoreException store)
        {
            return Of(store.Code, store.Message);
        }
    }

    public static IResult Of(string code, string detail) => TypedResults.Problem(
        detail, statusCode: StatusOf(code), title: "The request is refused.", type: $"urn:tonno:{code}", extensions: [new("code", code)]);

    private static int StatusOf(string code) => code switch
    {
        "run.unknown" or "store.not_found" => StatusCodes.Status404NotFound,
        "run.ended" or "store.condition_failed" => StatusCodes.Status409Conflict,
        "order.invalid" or "order.unreadable" => StatusCodes.Status400BadRequest,
        "api.unauthorized" => StatusCodes.Status401Unauthorized,
        "coordinator.silent" or "store.unavailable" => StatusCodes.Status503ServiceUnavailable,
        _ => StatusCodes.Status422UnprocessableEntity,
    };
}
