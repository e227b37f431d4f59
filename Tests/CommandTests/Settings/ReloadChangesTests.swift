import Testing

@testable import settled

@Suite("What a reload changes") struct ReloadChangesTests {
    @Test("Differences are named by their setting, and those that need a restart are told apart")
    func changes() throws {
        let old = try Example.load(Example.minimal)
        let text =
            Example.minimal.replacing("PUBLIC", with: "ANOTHER") + """
                gateway: { rate_per_second: 7, deadline: 3s, probe_interval: 5s }
                work: { concurrency: 3 }
                database: { url: "postgresql://u:topsecret@127.0.0.1/other" }

                """
        let changes = Reload.changes(from: old, to: try Example.load(text))
        let (now, later) = (
            changes.filter(Reload.changesWhileRunning).map(\.description),
            changes.filter { !Reload.changesWhileRunning($0) }.map(\.description)
        )
        #expect(now == ["apps[0].alipay_public_key", "gateway.deadline", "gateway.rate_per_second"])
        #expect(later == ["database.url", "gateway.probe_interval", "work.concurrency"])
        #expect(Reload.changes(from: old, to: old).isEmpty)
    }
}
