using System.Globalization;
using ToNNO.Cohort;

if (args is not [var folder, .. var rest] || rest.Length > 1 || !int.TryParse(rest.FirstOrDefault("0"), CultureInfo.InvariantCulture, out var seed))
{
    Console.Error.WriteLine("usage: dotnet run -c Release --project samples/Cohort -- FOLDER [SEED]");
    return 2;
}

SyntheticCohort.Write(folder, new CohortSizes(), seed);
Console.WriteLine($"{folder}: labels.csv for tonno train, references.csv for tonno evaluate");
return 0;
