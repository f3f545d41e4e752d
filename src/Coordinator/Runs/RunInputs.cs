using ToNNO.Contracts;
using ToNNO.Coordinator.Volumes;

namespace ToNNO.Coordinator.Runs;

/// <summary>The inputs of a run that wait, read by the page, those that this run has ended already left out.</summary>
internal sealed class RunInputs(RunDocument run, RunRegistry registry, Ledger ledger)
{
    private readonly Queue<RunInput> _waiting = [];
    private int _pagesRead;
    private bool _reading;

    /// <summary>True where a page should be read now, so that volumes never run out while there are more.</summary>
    public bool WantsPage(int ahead) => !_reading && _pagesRead < run.PageCount && _waiting.Count < ahead;

    public bool TryTake(out RunInput input) => _waiting.TryDequeue(out input!);

    /// <summary>Puts one back that was taken, behind those that wait.</summary>
    public void PutBack(RunInput input) => _waiting.Enqueue(input);

    /// <summary>Reads the next page; to be given to <see cref="Add"/>.</summary>
    public async Task<Page> ReadAsync(CancellationToken cancel)
    {
        _reading = true;
        var (waiting, ended) = (new List<RunInput>(), default(RunCounts));
        if (await registry.FindPageAsync(run, _pagesRead, ledger, cancel).ConfigureAwait(false) is not { } inputs)
        {
            return new Page([], RunRegistry.Lost(run, _pagesRead), run.PagePath(_pagesRead));
        }

        foreach (var (input, entry) in inputs)
        {
            if (entry?.IsEndOf(run.RunId) == true)
            {
                ended = ended.Add(entry.State, entry.Reused);
            }
            else
            {
                waiting.Add(input);
            }
        }

        return new Page(waiting, ended, Damaged: null);
    }

    public void Add(Page page)
    {
        (_reading, _pagesRead) = (false, _pagesRead + 1);
        foreach (var input in page.Waiting)
        {
            _waiting.Enqueue(input);
        }
    }

    /// <summary>The page could not be read: it is wanted again.</summary>
    public void GiveUp() => _reading = false;

    /// <param name="Ended">The page's volumes that this run took to their ends; all, where the page is damaged.</param>
    /// <param name="Damaged">Path of a page that is damaged or gone.</param>
    public sealed record Page(IReadOnlyList<RunInput> Waiting, RunCounts Ended, string? Damaged) : ILocalMessage;
}
