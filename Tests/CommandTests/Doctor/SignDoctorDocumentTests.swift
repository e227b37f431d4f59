import Alipay
import Foundation
import Testing

@Suite("What is written about settled sign doctor") struct SignDoctorDocumentTests {
    /// A file of the repository, found from this one.
    private func text(_ name: String, here: String = #filePath) throws -> String {
        var folder = URL(fileURLWithPath: here)
        for _ in 0..<4 { folder.deleteLastPathComponent() }
        return try String(contentsOf: folder.appendingPathComponent(name), encoding: .utf8)
    }

    @Test(arguments: ["docs/sign-doctor.md", "docs/zh-CN/sign-doctor.md"])
    func `every corruption that can be named is explained, and no other`(document: String) throws {
        let rows = try text(document).split(separator: "\n").compactMap { line in
            line.firstMatch(of: /^\| `([a-z0-9_]+)` \|/).map { String($0.output.1) }
        }
        #expect(rows.count == Set(rows).count)
        #expect(Set(Corruption.names).subtracting(rows) == [], "not explained")
        #expect(Set(rows).subtracting(Corruption.names) == [], "nothing is called so")
    }
}
