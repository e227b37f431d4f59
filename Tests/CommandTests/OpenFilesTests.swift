import Testing

@testable import settled

/// How many connections fit beside what the program opens itself.
@Suite struct OpenFilesTests {
    @Test(arguments: [
        (limit: 1_048_576, listeners: 1, connections: 4096), (limit: 4480, listeners: 1, connections: 4096),
        (limit: 4479, listeners: 1, connections: 4095), (limit: 1024, listeners: 1, connections: 640),
        (limit: 1024, listeners: 2, connections: 320),
        // Little is shared by halves.
        (limit: 256, listeners: 1, connections: 128), (limit: 64, listeners: 2, connections: 16),
    ])
    func `connections leave room for what the program opens itself`(limit: Int, listeners: Int, connections: Int) {
        #expect(OpenFiles.fitting(4096, listeners: listeners, others: 384, limit: limit) == connections)
    }

    @Test func `the limit is what the system allows`() {
        OpenFiles.raiseLimit()
        #expect(OpenFiles.limit >= 64)
    }
}
