using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Diagnostics;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.OpenApi;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Microsoft.OpenApi;
using ToNNO.Contracts;

namespace ToNNO.Coordinator.Api;

public static class ApiHosting
{
    /// <summary>Services of the HTTP API; an <see cref="IRunPlanner"/> and <see cref="ApiOptions"/> must be there too.</summary>
    public static IServiceCollection AddRunApi(this IServiceCollection services)
    {
        services.AddSingleton<RunApi>().AddOpenApi(openApi => openApi.AddDocumentTransformer(TellOfToken)).AddProblemDetails().Configure<RouteHandlerOptions>(routes => routes.ThrowOnBadRequest = true); // to be told what is wrong
        services.ConfigureHttpJsonOptions(json =>
        {
            json.SerializerOptions.NumberHandling = Documents.Json.NumberHandling;
            json.SerializerOptions.DefaultIgnoreCondition = Documents.Json.DefaultIgnoreCondition;
            json.SerializerOptions.RespectNullableAnnotations = true;
            json.SerializerOptions.RespectRequiredConstructorParameters = true;
            foreach (var converter in Documents.Json.Converters)
            {
                json.SerializerOptions.Converters.Add(converter);
            }
        });
        return services;
    }

    /// <summary>Serves <c>/api/v1</c> to those who show the token, and <c>/openapi/v1.json</c> to all.</summary>
    public static void MapRunApi(this WebApplication app)
    {
        app.UseExceptionHandler(new ExceptionHandlerOptions
        {
            SuppressDiagnosticsCallback = failed => failed.Exception is BadHttpRequestException, // the client's failure, not ours
            ExceptionHandler = async context =>
            {
                // What cannot be read is refused before an endpoint sees it; anything else is a failure of ours, which is logged.
                var problem = context.Features.Get<IExceptionHandlerFeature>()?.Error is BadHttpRequestException unreadable
                    ? ApiProblems.Of("order.unreadable", unreadable.InnerException?.Message ?? "The request has no body that can be read: send the order as JSON.", unreadable.StatusCode)
                    : ApiProblems.Of("internal.failure", "The request failed unexpectedly; the log says where. Please report it.", StatusCodes.Status500InternalServerError);
                await problem.ExecuteAsync(context).ConfigureAwait(false);
            },
        });
        app.UseStatusCodePages(status => ApiProblems
            .Of(
                "api.refused",
                status.HttpContext.Response.StatusCode == StatusCodes.Status415UnsupportedMediaType
                    ? $"{status.HttpContext.Request.Method} {status.HttpContext.Request.Path} takes JSON: send Content-Type: application/json."
                    : $"{status.HttpContext.Request.Method} {status.HttpContext.Request.Path} is none of the API's requests: /openapi/v1.json lists them.",
                status.HttpContext.Response.StatusCode)
            .ExecuteAsync(status.HttpContext));
        app.UseWhen(context => context.Request.Path.StartsWithSegments("/api", StringComparison.OrdinalIgnoreCase), api => api.Use(RequireTokenAsync));
        app.MapOpenApi();
        RunApi.Map(app);
    }

    private static Task TellOfToken(OpenApiDocument document, OpenApiDocumentTransformerContext context, CancellationToken cancel)
    {
        const string Name = "token";
        document.Components ??= new();
        document.AddComponent<IOpenApiSecurityScheme>(Name, new OpenApiSecurityScheme
        {
            Type = SecuritySchemeType.Http,
            Scheme = "bearer",
            Description = "Of every node that serves the API (Api:Token); where nodes have none, none is asked for.",
        });
        document.Security = [new() { [new OpenApiSecuritySchemeReference(Name, document)] = [] }];
        return Task.CompletedTask;
    }

    private static async Task RequireTokenAsync(HttpContext context, RequestDelegate next)
    {
        var token = context.RequestServices.GetRequiredService<IOptions<ApiOptions>>().Value.Token;
        var shown = context.Request.Headers.Authorization.ToString();
        const string Scheme = "Bearer "; // in capitals or not (RFC 9110, 11.1)
        if (token.Length > 0 && !(shown.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase) && Matches(shown[Scheme.Length..].TrimStart(' '), token)))
        {
            context.Response.Headers.WWWAuthenticate = "Bearer";
            await ApiProblems.Of("api.unauthorized", "The request bears no token, or another one: send Authorization: Bearer TOKEN.").ExecuteAsync(context).ConfigureAwait(false);
            return;
        }

        await next(context).ConfigureAwait(false);
    }

    /// <summary>Compares by hashes, so that the time it takes tells nothing.</summary>
    private static bool Matches(string shown, string wanted) =>
        CryptographicOperations.FixedTimeEquals(SHA256.HashData(Encoding.UTF8.GetBytes(shown)), SHA256.HashData(Encoding.UTF8.GetBytes(wanted)));
}
