import Glibc
import Synchronization

/// The one thread on which everything of one connection runs, so that libpq may block without stopping other tasks.
///
/// The thread starts with the first job and ends when the connection is gone. Jobs run one at a time, in their order.
final class ConnectionThread: SerialExecutor {
    private struct State {
        var jobs: [UnownedJob] = []
        var isStarted = false
        var isStopped = false
    }

    private let state = Mutex(State())
    private let wake = Semaphore()

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        let mustStart = state.withLock { state in
            state.jobs.append(job)
            defer { state.isStarted = true }
            return !state.isStarted
        }
        if mustStart { start() }
        wake.signal()
    }

    /// Ends the thread once the jobs that are queued have run.
    func stop() {
        state.withLock { $0.isStopped = true }
        wake.signal()
    }

    private func start() {
        DetachedThread.start { self.run() }
    }

    private func run() {
        while true {
            wake.wait()
            let (jobs, isStopped) = state.withLock { state in
                let jobs = state.jobs
                state.jobs.removeAll(keepingCapacity: true)
                return (jobs, state.isStopped)
            }
            for job in jobs { job.runSynchronously(on: asUnownedSerialExecutor()) }
            if isStopped && jobs.isEmpty { return }
            if isStopped { wake.signal() }
        }
    }
}

/// A thread that runs one closure and is gone.
enum DetachedThread {
    private final class Work {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }

    /// Waits while the system has no thread to give: the limit may be momentary, and work that is dropped here would leave
    /// its task waiting for ever.
    static func start(_ body: @escaping @Sendable () -> Void) {
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        defer { pthread_attr_destroy(&attributes) }
        pthread_attr_setdetachstate(&attributes, CInt(PTHREAD_CREATE_DETACHED))
        let work = Unmanaged.passRetained(Work(body))
        var thread = pthread_t()
        while pthread_create(
            &thread, &attributes,
            { work in
                if let work { Unmanaged<Work>.fromOpaque(work).takeRetainedValue().body() }
                return nil
            }, work.toOpaque()) != 0
        {
            usleep(10_000)
        }
    }
}

/// A POSIX semaphore, on whose address the kernel waits.
private final class Semaphore: Sendable {
    // sem_post and sem_wait are safe from any thread; the memory lives as long as this object.
    nonisolated(unsafe) private let semaphore = UnsafeMutablePointer<sem_t>.allocate(capacity: 1)

    init() { sem_init(semaphore, 0, 0) }

    deinit {
        sem_destroy(semaphore)
        semaphore.deallocate()
    }

    func signal() { sem_post(semaphore) }

    func wait() {
        while sem_wait(semaphore) != 0 && errno == EINTR {}
    }
}
