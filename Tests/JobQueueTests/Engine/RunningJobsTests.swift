import Testing

@testable import JobQueue

@Suite struct RunningJobsTests {
    /// What a completer is given, by the numbers of the jobs; nil when it is to look again.
    private func taken(_ jobs: RunningJobs, atMost limit: Int = 100) -> [Int64]? {
        switch jobs.takeAnswers(atMost: limit) {
        case .batch(let batch): batch.map(\.lease.jobID)
        case .soon: nil
        case .nothing: []
        }
    }

    private func leases(_ numbers: ClosedRange<Int64>) -> [Lease] {
        numbers.map { Lease(jobID: $0, epoch: 1, queue: "q", kind: "k") }
    }

    private func answer(_ jobs: RunningJobs, _ leases: some Sequence<Lease>) {
        for lease in leases { jobs.answer(lease, .output(0)) }
    }

    private func done(_ leases: some Sequence<Lease>) -> [Answered] {
        leases.map { Answered(lease: $0, answer: .output(0), duration: .zero) }
    }

    @Test func `a few answers wait for the completer that is at work, many do not`() {
        let jobs = RunningJobs(concurrency: 16, patience: .seconds(3600))
        let all = leases(1...16)
        jobs.begin(all)
        #expect(taken(jobs) == [])
        answer(jobs, all[..<1])
        #expect(taken(jobs) == [1])
        answer(jobs, all[1..<4])
        #expect(taken(jobs) == nil)
        answer(jobs, all[4..<6])
        #expect(taken(jobs) == nil)
        // Three eighths of the places.
        answer(jobs, all[6..<7])
        #expect(taken(jobs) == [2, 3, 4, 5, 6, 7])
        answer(jobs, all[7..<9])
        jobs.completed(done(all[..<1]))
        #expect(taken(jobs) == nil)
        jobs.completed(done(all[1..<7]))
        #expect(taken(jobs) == [8, 9])
    }

    @Test func `a completer that is held up does not hold up what comes after it`() {
        let jobs = RunningJobs(concurrency: 16, patience: .zero)
        let all = leases(1...2)
        jobs.begin(all)
        answer(jobs, all[..<1])
        #expect(taken(jobs) == [1])
        answer(jobs, all[1...])
        #expect(taken(jobs) == [2])
    }
}
