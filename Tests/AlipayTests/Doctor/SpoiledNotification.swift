import Foundation
import Testing
import Wire

@testable import Alipay

/// One thing that happens to messages on the way, done to a good one.
struct Spoiling: Sendable, CustomTestStringConvertible {
    typealias Parameters = [(name: [UInt8], value: [UInt8])]

    /// The corruption that the doctor must name.
    let name: String
    let what: String
    /// The body after it; nil where it changes nothing of this message.
    let body: @Sendable (_ parameters: Parameters, _ body: [UInt8]) -> [UInt8]?

    var testDescription: String { what }

    /// Does something to the body as it stands on the wire.
    static func wire(_ name: String, _ what: String, _ spoil: @escaping @Sendable ([UInt8]) -> [UInt8]?) -> Spoiling {
        Spoiling(name: name, what: what) { _, body in spoil(body).flatMap { $0 == body ? nil : $0 } }
    }

    /// Does something to the parameters, which are then encoded again as they ought to be.
    static func form(_ name: String, _ what: String, _ spoil: @escaping @Sendable (inout Parameters) -> Void)
        -> Spoiling
    {
        Spoiling(name: name, what: what) { parameters, _ in
            var spoiled = parameters
            spoil(&spoiled)
            guard FormBody.encode(spoiled) != FormBody.encode(parameters) else { return nil }
            return FormBody.encode(spoiled)
        }
    }

    /// Does something to the value of every parameter but `sign`.
    static func values(
        _ name: String, _ what: String, _ spoil: @escaping @Sendable (_ name: String, _ value: [UInt8]) -> [UInt8]?
    ) -> Spoiling {
        form(name, what) { parameters in
            for index in parameters.indices {
                let name = String(decoding: parameters[index].name, as: UTF8.self)
                guard name != "sign", let value = spoil(name, parameters[index].value) else { continue }
                parameters[index].value = value
            }
        }
    }

    static func text(
        _ name: String, _ what: String, _ spoil: @escaping @Sendable (String) -> String
    ) -> Spoiling {
        values(name, what) { _, value in
            String(validating: value, as: UTF8.self).map { Array(spoil($0).utf8) }
        }
    }

    /// The message after it, if it changes anything that is signed.
    func body(of good: [UInt8]) throws -> [UInt8]? { body(try FormBody(parsing: good).parameters, good) }
}

/// A good message of the vectors, with the keys of everybody.
struct DoctorCase: Sendable {
    let vector: NotificationVector
    var body: [UInt8] { Array(vector.body.utf8) }

    static let good = NotificationVector.all
        .filter { $0.expect == "valid" || $0.expect == "valid-only-with-drop-empty-fallback" }
        .map { DoctorCase(vector: $0) }

    static func named(_ id: String) throws -> DoctorCase {
        guard let vector = NotificationVector.all.first(where: { $0.id == id }) else {
            throw CocoaError(.fileNoSuchFile)
        }
        return DoctorCase(vector: vector)
    }

    func keys() throws -> [DoctorKey] {
        let keys = try VectorKeys.shared.get()
        let alipay = try vector.verifier().keys[0]
        let others = try [keys.alipay.publicKey, keys.legacy.publicKey].filter { $0 != alipay }
        return try [DoctorKey(.alipay, alipay, name: "Alipay's")]
            + others.map { DoctorKey(.otherApp, $0, name: "Alipay's of another app") }
            + [DoctorKey(.own, keys.app.publicKey, name: "our own")]
    }

    func doctor(
        _ verifier: NotificationVerifier? = nil, facts: DoctorFacts = DoctorFacts(), budget: DoctorBudget = .usual
    ) throws -> NotificationDoctor {
        NotificationDoctor(verifier: try verifier ?? vector.verifier(), keys: try keys(), facts: facts, budget: budget)
    }

    /// The doctors of all cases, with their keys read once.
    private static let doctors = Result {
        try Dictionary(
            uniqueKeysWithValues: NotificationVector.all.map { ($0.id, try DoctorCase(vector: $0).doctor()) })
    }

    func diagnose(_ body: [UInt8]) throws -> Diagnosis {
        try #require(Self.doctors.get()[vector.id]).diagnose(body: body, contentType: vector.contentType)
    }
}

extension Diagnosis {
    var names: [String] { findings.map(\.corruption.name) }
}
