import Foundation
import Testing

/// The vectors of `Vectors/`: signed requests and answers to classify.
enum VectorFile {
    private struct File<Case: Decodable>: Decodable { let cases: [Case] }

    static let requests = Result { try cases("top_requests") as [RequestCase] }
    static let answers = Result { try cases("top_responses") as [AnswerCase] }

    private static func cases<Case: Decodable>(_ name: String) throws -> [Case] {
        let url = try #require(Bundle.module.url(forResource: name, withExtension: "json", subdirectory: "Vectors"))
        return try JSONDecoder().decode(File<Case>.self, from: Data(contentsOf: url)).cases
    }
}

/// A request of `top_requests.json` with what each method signs.
struct RequestCase: Decodable, Sendable, CustomTestStringConvertible {
    struct Method: Decodable, Sendable {
        let string_to_sign: String
        let sign: String
        let form_body: String
    }

    let id: String
    let description: String
    let app_secret: String
    let params_without_sign_method: [String: String]
    let methods: [String: Method]

    var testDescription: String { "\(id) \(description)" }
}

/// An answer of `top_responses.json` and what it is.
struct AnswerCase: Decodable, Sendable, CustomTestStringConvertible {
    struct Expectation: Decodable, Sendable {
        let kind: String
        var pay_details: Int?
        var pay_status: String?
        var seconds: Int?
        var alert: Bool?
    }

    let id: String
    let description: String
    let body: String
    let expect: Expectation

    var testDescription: String { "\(id) \(description)" }
}
