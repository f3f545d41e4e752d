using System.CommandLine;

namespace ToNNO.Tonno.Commands;

/// <summary>Options whose values are checked while they are parsed.</summary>
internal static class Arguments
{
    /// <summary>A number within bounds.</summary>
    public static Option<T> Number<T>(string name, string placeholder, string description, double low, double high, T? standard = default)
    {
        var option = new Option<T>(name) { Description = description, HelpName = placeholder };
        if (standard is not null)
        {
            option.DefaultValueFactory = _ => standard;
        }

        option.Validators.Add(result =>
        {
            if (result.Tokens is [var token] && double.TryParse(token.Value, System.Globalization.CultureInfo.InvariantCulture, out var value) && !(value >= low && value <= high))
            {
                result.AddError($"{name} must be from {low} to {high}, not {token.Value}.");
            }
        });
        return option;
    }

    /// <summary>One of a few words.</summary>
    /// <param name="words">The words; the first stands where none is given.</param>
    public static Option<string> Choice(string name, string description, params string[] words)
    {
        var option = new Option<string>(name) { Description = description, DefaultValueFactory = _ => words[0], HelpName = string.Join('|', words) };
        option.Validators.Add(result =>
        {
            if (result.Tokens is [var token] && !words.Contains(token.Value))
            {
                result.AddError($"{name} must be {string.Join(" or ", words)}, not {token.Value}.");
            }
        });
        return option;
    }

    /// <summary>A text that <paramref name="check"/> refuses by <see cref="FormatException"/> where it makes no sense.</summary>
    public static Option<string?> Checked<T>(string name, string placeholder, string description, Func<string, T> check) => Custom<string?>(name, placeholder, description, text =>
    {
        check(text);
        return text;
    });

    /// <summary>Refuses empty texts, as unset variables of a script leave them.</summary>
    public static Option<T> NotEmpty<T>(this Option<T> option)
    {
        option.Validators.Add(result =>
        {
            if (result.Tokens.Any(token => token.Value.Length == 0))
            {
                result.AddError($"{option.Name} must not be empty.");
            }
        });
        return option;
    }

    /// <inheritdoc cref="NotEmpty{T}(Option{T})"/>
    public static Argument<T> NotEmpty<T>(this Argument<T> argument)
    {
        argument.Validators.Add(result =>
        {
            if (result.Tokens.Any(token => token.Value.Length == 0))
            {
                result.AddError($"{argument.Name} must not be empty.");
            }
        });
        return argument;
    }

    /// <summary>A value that <paramref name="parse"/> makes of the text, or refuses by <see cref="FormatException"/>.</summary>
    public static Option<T?> Parsed<T>(string name, string placeholder, string description, Func<string, T> parse)
        where T : struct =>
        Custom<T?>(name, placeholder, description, text => parse(text));

    /// <inheritdoc cref="Parsed"/>
    public static Option<T?> ParsedReference<T>(string name, string placeholder, string description, Func<string, T> parse)
        where T : class =>
        Custom<T?>(name, placeholder, description, parse);

    private static Option<T?> Custom<T>(string name, string placeholder, string description, Func<string, T?> parse) => new(name)
    {
        Description = description,
        HelpName = placeholder,
        CustomParser = result =>
        {
            try
            {
                return parse(result.Tokens[0].Value);
            }
            catch (FormatException refused)
            {
                result.AddError(refused.Message);
                return default;
            }
        },
    };
}
