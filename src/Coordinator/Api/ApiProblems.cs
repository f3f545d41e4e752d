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

    /// <param name="status">Where the code alone does not tell it.</param>
    public static IResult Of(string code, string detail, int? status = null) => TypedResults.Problem(
        detail, statusCode: status ?? StatusOf(code), title: "The request is refused.", type: $"urn:tonno:{code}", extensions: [new("code", code)]);

    private static int StatusOf(string code) => code switch
    {
        "run.unknown" or "store.not_found" => StatusCodes.Status404NotFound,
        "run.ended" or "run.taken" or "store.condition_failed" => StatusCodes.Status409Conflict,
        "order.invalid" or "order.unreadable" => StatusCodes.Status400BadRequest,
        "api.unauthorized" => StatusCodes.Status401Unauthorized,
        "coordinator.silent" or "store.unavailable" => StatusCodes.Status503ServiceUnavailable,
        _ => StatusCodes.Status422UnprocessableEntity,
    };
}
