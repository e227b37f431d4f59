import CMalloc

/// How the process keeps its memory.
enum Heap {
    /// glibc gives each thread an arena of its own, up to eight for each core, and what one of them has freed is of no use to
    /// the others. With some twenty threads, most of them connections, that is a fifth of the heap at full speed. Small blocks
    /// come from caches of the threads' own before any arena is asked, so that sharing two costs no time that could be
    /// measured.
    ///
    /// - Important: it must be called before there are threads. `MALLOC_ARENA_MAX` in the environment has no say after it.
    static func shareArenas() {
        _ = mallopt(M_ARENA_MAX, 2)
    }
}
