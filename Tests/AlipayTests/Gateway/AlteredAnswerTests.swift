import Foundation
import Testing
import Wire

@testable import Alipay

/// Real answers, cut and altered: nothing crashes, and nothing that was not signed is proved.
@Suite struct AlteredAnswerTests {
    @Test func `every cut of an answer is refused and none crashes`() throws {
        for id in ["R01", "R05", "R16"] {
            let body = try GatewayVectors.response(id).body
            let end = try #require(body.lastIndex(of: UInt8(ascii: "}")))
            for length in 0...end {
                for paired in [false, true] {
                    #expect(throws: JSONError.self) {
                        try JSONScanner.topLevel(of: Array(body[..<length]), pairedBytes: paired)
                    }
                }
            }
        }
    }

    /// A fixed seed, so that a failure can be repeated. What it looks for is a crash, a signature that verifies something
    /// that was not signed, and a text that we read and Foundation, which is milder, does not.
    @Test(arguments: 0..<4) func `altered answers crash nothing and prove nothing`(seed: Int) throws {
        var random = SeededGenerator(seed: UInt64(seed) &+ 20_171_103)
        let key = try VectorKeys.shared.get().alipay.publicKey
        let vectors = try GatewayVectors.responses.get()
        let genuine = Set(try vectors.filter { $0.expect.hasPrefix("valid") }.map { try $0.open().signedContent })
        let tokens = [
            "{", "}", "[", "]", "\"", "\\", ",", ":", "\\u", "\\ud800", "null", "1e9", "\"sign\":", "-", "\0", " ",
        ]
        var opened = 0
        for _ in 0..<600 {
            let vector = try #require(vectors.randomElement(using: &random))
            var body = try vector.body
            for _ in 0..<Int.random(in: 1...3, using: &random) where !body.isEmpty {
                let at = Int.random(in: 0..<body.count, using: &random)
                switch Int.random(in: 0..<6, using: &random) {
                case 0: body[at] = UInt8.random(in: 0...255, using: &random)
                case 1: body.remove(at: at)
                case 2: body.insert(contentsOf: Array((tokens.randomElement(using: &random) ?? "").utf8), at: at)
                // Blanks around the outermost braces: nothing that is signed.
                case 5: body.insert(0x20, at: [0, 1, body.count - 1, body.count].randomElement(using: &random) ?? 0)
                case 3:
                    let end = min(body.count, at + Int.random(in: 1...40, using: &random))
                    body.insert(contentsOf: body[at..<end], at: Int.random(in: 0...body.count, using: &random))
                default: body.removeSubrange(at..<min(body.count, at + Int.random(in: 1...40, using: &random)))
                }
            }
            for charset in [Charset.utf8, .gbk] {
                let envelope = try? Envelope.open(body, method: vector.method, keys: [key], charset: charset)
                if let envelope, envelope.verified {
                    opened += 1
                    #expect(genuine.contains(envelope.signedContent))
                }
            }
            if let value = try? JSONScanner.value(of: body), case .object = value {
                // Foundation refuses half a surrogate pair, which we replace.
                if !body.contains(sequence: Array("\\ud".utf8)), !body.contains(sequence: Array("\\uD".utf8)) {
                    #expect(throws: Never.self) { try JSONSerialization.jsonObject(with: Data(body)) }
                }
            }
        }
        // Some alterations lie outside the signed bytes; if none did, this test would not reach what it is for.
        #expect(opened > 0)
    }
}

/// SplitMix64: the same numbers for the same seed, everywhere.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

extension [UInt8] {
    fileprivate func contains(sequence: [UInt8]) -> Bool {
        guard count >= sequence.count else { return false }
        return (0...(count - sequence.count)).contains { self[$0..<($0 + sequence.count)].elementsEqual(sequence) }
    }
}
