namespace ToNNO.Storage.Tests;

public sealed class LocalFolderStoreTests : BlobStoreContract, IDisposable
{
    private readonly string _parent = Directory.CreateTempSubdirectory("tonno-store-").FullName;

    private string Root => Path.Combine(_parent, "store");

    protected override IBlobStore Open() => new LocalFolderStore(Root);

    public void Dispose() => Directory.Delete(_parent, recursive: true);

    [Fact]
    public async Task List_FilesBesideTheStore_AreNotOfTheStore()
    {
        await File.WriteAllTextAsync(Path.Combine(_parent, "neighbour"), "x", Token);
        await Open().WriteAsync("a", Bytes("x"), WriteCondition.Always, Token);
        Assert.Equal(["a"], await ListAsync(Open(), ""));
    }

    [Fact]
    public async Task Hold_AFileInThePlaceOfTheFolder_IsRefused()
    {
        await File.WriteAllTextAsync(Root, "x", Token);
        await AssertFailsAsync(BlobStoreError.Unavailable, () => Open().HoldAsync(Token));
    }

    /// <summary>As of a share of the network that hangs: here a pipe that nobody writes to.</summary>
    [Fact]
    public async Task Read_FileThatNeverAnswers_KeepsNoCallerAndEndsWhenCanceled()
    {
        var pipe = Path.Combine(Root, "a");
        Directory.CreateDirectory(Root);
        using (var made = System.Diagnostics.Process.Start("mkfifo", [pipe]))
        {
            await made.WaitForExitAsync(Token);
        }

        using var stop = new CancellationTokenSource();
        Task[] reading = [Open().ReadAsync("a", stop.Token), Open().OpenReadAsync("a", stop.Token), Open().FindAsync("a", stop.Token)];
        Assert.All(reading, one => Assert.False(one.IsCompleted));
        await stop.CancelAsync();
        foreach (var one in reading)
        {
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => one);
        }

        await using var end = File.Open(pipe, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite); // lets go who still waits
    }

    [Fact]
    public async Task Write_Failing_LeavesNoTemporaryFile()
    {
        var store = Open();
        await store.WriteAsync("a", Bytes("x"), WriteCondition.Always, Token);

        // The blob 'a' is a file, so that nothing can be placed below it.
        await AssertFailsAsync(BlobStoreError.Unavailable, () => store.WriteAsync("a/b", Bytes("x"), WriteCondition.Always, Token));
        await AssertFailsAsync(BlobStoreError.Unavailable, () => store.WriteAsync("a/b", async (stream, cancel) => await stream.WriteAsync(new byte[9], cancel), Token));
        await AssertFailsAsync(BlobStoreError.ConditionFailed, () => store.WriteAsync("a", Bytes("y"), WriteCondition.IfAbsent, Token));

        Assert.Empty(Directory.EnumerateFiles(Path.Combine(Root, ".tonno", "tmp")));
        Assert.Equal(["a"], await ListAsync(store, ""));
    }

    [Fact]
    public async Task RemoveRemnants_LeavesWhatIsBeingWritten()
    {
        var store = Open();
        var old = TimeProvider.System.GetUtcNow().UtcDateTime.AddMinutes(-5);
        string Temporary(string name) => Path.Combine(Root, ".tonno", "tmp", name);
        Assert.Equal(0, await store.RemoveRemnantsAsync(Token));
        await store.WriteAsync("a", async (stream, cancel) =>
        {
            await stream.WriteAsync(new byte[9], cancel);
            await stream.FlushAsync(cancel);
            File.SetLastWriteTimeUtc(Assert.Single(Directory.EnumerateFiles(Temporary(""))), old);
            await File.WriteAllTextAsync(Temporary("fresh"), "x", cancel);
            await File.WriteAllTextAsync(Temporary("old"), "x", cancel);
            File.SetLastWriteTimeUtc(Temporary("old"), old);
            Assert.Equal(1, await store.RemoveRemnantsAsync(cancel));
        }, Token);
        Assert.Equal([Temporary("fresh")], Directory.EnumerateFiles(Temporary("")));
        Assert.Equal(9, (await store.ReadAsync("a", Token)).Bytes.Length);
    }

    [Fact]
    public async Task Delete_LastBlobOfAFolder_RemovesTheFolderButNotTheStore()
    {
        var store = Open();
        await store.WriteAsync("a/b/c", Bytes("x"), WriteCondition.Always, Token);
        await store.DeleteAsync("a/b/c", Token);
        Assert.False(Directory.Exists(Path.Combine(Root, "a")));
        Assert.True(Directory.Exists(Root));
    }

    [Fact]
    public async Task Write_WhileTheLockIsHeld_Waits()
    {
        var store = Open();
        await store.WriteAsync("a", Bytes("x"), WriteCondition.IfAbsent, Token);
        Task<ETag> waiting;
        await using (new FileStream(Path.Combine(Root, ".tonno", "lock"), FileMode.Open, FileAccess.Write, FileShare.None))
        {
            waiting = store.WriteAsync("b", Bytes("x"), WriteCondition.IfAbsent, Token);
            await store.WriteAsync("c", Bytes("x"), WriteCondition.Always, Token); // no condition, no turn
            Assert.False(waiting.IsCompleted);
        }

        await waiting;
        Assert.Equal(["a", "b", "c"], await ListAsync(store, ""));
    }
}
