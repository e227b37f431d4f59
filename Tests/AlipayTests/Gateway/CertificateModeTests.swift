import Sandbox
import Synchronization
import Testing
import Wire

@testable import Alipay

/// A gateway in certificate mode that answers what a test tells it to, and counts the downloads.
final class CertificateGateway: GatewayTransport {
    struct State {
        /// Signs queries, and is named by them; nil names nothing.
        var signer: PrivateKey
        var number: String?
        /// Signs downloads.
        var downloadSigner: PrivateKey
        var downloadNumber: String?
        var content: String
        var downloads = 0
        var queries = 0
    }

    let state: Mutex<State>
    /// Held until this many queries have been answered, so that all of them wait for one download.
    let gathering: Int

    init(_ state: State, gathering: Int = 0) {
        self.state = Mutex(state)
        self.gathering = gathering
    }

    func post(
        url: String, contentType: String, body: [UInt8], deadline: Duration
    ) async throws(TransportError) -> TransportAnswer {
        guard url.contains("alipaycert.download") else {
            let state = state.withLock { state in
                state.queries += 1
                return state
            }
            return try answer("alipay_eco_cplife_pay_result_query", SignedAnswer.paid(), state.signer, state.number)
        }
        while state.withLock({ $0.queries }) < gathering { await Task.yield() }
        let state = state.withLock { state in
            state.downloads += 1
            return state
        }
        let node = #"{"code":"10000","msg":"Success","alipay_cert_content":"\#(state.content)"}"#
        return try answer(
            "alipay_open_app_alipaycert_download", node, state.downloadSigner, state.downloadNumber)
    }

    private func answer(
        _ name: String, _ node: String, _ key: PrivateKey, _ number: String?
    ) throws(TransportError) -> TransportAnswer {
        guard let sign = try? key.sign(Array(node.utf8), with: .rsa2) else { throw TransportError(.other, "no key") }
        let certificate = number.map { #","alipay_cert_sn":"\#($0)""# } ?? ""
        let text = #"{"\#(name)_response":\#(node)\#(certificate),"sign":"\#(Base64.encode(sign))"}"#
        return TransportAnswer(status: 200, body: Array(text.utf8))
    }
}

@Suite struct CertificateModeTests {
    private let stage: Issued.Stage
    /// Alipay's certificate as it is configured, and the next one.
    private let current: CertificateChain
    private let next: CertificateChain
    private let nextKey: PrivateKey
    private let nextPEM: String
    private let trust: CertificateTrust
    private let app: GatewayApp

    init() throws {
        stage = try Issued.stage.get()
        current = try CertificateChain(text: Issued.good())
        nextKey = try PrivateKey.generate()
        nextPEM = try stage.authority.certificate(of: nextKey, named: "Alipay", serial: 8)
        next = try CertificateChain(text: nextPEM)
        trust = try CertificateTrust(current, roots: stage.roots)
        let own = try VectorKeys.shared.get().app.privateKey
        app = GatewayApp(
            appID: "2014072300007148", gateway: try GatewayAddress("https://openapi.alipay.com/gateway.do"),
            privateKey: own,
            certificates: .init(
                app: try Certificate(text: stage.authority.certificate(of: own, named: "app", serial: 9)), trust: trust)
        )
    }

    /// The gateway after a renewal, as it should be.
    private func renewed() -> CertificateGateway.State {
        CertificateGateway.State(
            signer: nextKey, number: next.leaf.number, downloadSigner: stage.key, downloadNumber: current.leaf.number,
            content: Base64.encode(Array(nextPEM.utf8)))
    }

    private func ask(_ gateway: CertificateGateway, at now: Int64 = Issued.now) async -> PayResultAnswer {
        await GatewayClient(app: app, transport: gateway, now: { now * 1_000_000 }).payResult(.tradeNo("T1"))
    }

    private func cause(_ gateway: CertificateGateway, at now: Int64 = Issued.now) async -> String {
        switch await ask(gateway, at: now) {
        case .known: "known"
        case .failure(let failure): "\(failure.kind.rawValue) \(failure.cause)"
        }
    }

    @Test func `a request names the app's certificate and the roots, and signs both`() throws {
        let request = try app.sign(GatewayCall(method: "m", bizContent: "{}", timestamp: 0))
        let text = String(decoding: request.stringToSign, as: UTF8.self)
        let number = try #require(app.certificateMode?.app.number)
        #expect(text.hasPrefix("alipay_root_cert_sn=\(stage.roots.number)&app_cert_sn=\(number)&app_id="))
        #expect(request.url.contains("alipay_root_cert_sn=\(stage.roots.number)"))
        #expect(request.url.contains("app_cert_sn=\(number)"))
    }

    @Test func `an answer under the configured certificate needs no download`() async {
        var state = renewed()
        (state.signer, state.number) = (stage.key, current.leaf.number)
        let gateway = CertificateGateway(state)
        #expect(await cause(gateway) == "known")
        #expect(gateway.state.withLock { $0.downloads } == 0)
    }

    @Test func `answers under a new certificate share one download, and the old one stays believed`() async throws {
        let gateway = CertificateGateway(renewed(), gathering: 8)
        let answers = await withTaskGroup(of: String.self) { tasks in
            for _ in 0..<8 { tasks.addTask { await self.cause(gateway) } }
            return await tasks.reduce(into: []) { $0.append($1) }
        }
        #expect(answers == Array(repeating: "known", count: 8))
        #expect(gateway.state.withLock { $0.downloads } == 1)
        #expect(trust.chains == [current, next])
        gateway.state.withLock { ($0.signer, $0.number) = (stage.key, current.leaf.number) }
        #expect(await cause(gateway) == "known")
        guard case .known(_, let evidence) = await ask(CertificateGateway(renewed())) else {
            Issue.record("no evidence")
            return
        }
        #expect(evidence.keyFingerprint == nextKey.publicKey.fingerprint)
    }

    /// What goes wrong with a renewal, and what the call that needed it comes to.
    struct Fault: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let cause: String
        let change: @Sendable (inout CertificateGateway.State, CertificateModeTests) throws -> Void

        init(
            _ what: String, _ cause: String,
            _ change: @escaping @Sendable (inout CertificateGateway.State, CertificateModeTests) throws -> Void
        ) {
            testDescription = what
            self.cause = cause
            self.change = change
        }
    }

    static let faults: [Fault] = [
        Fault("a success that names no certificate", "untrusted missing_alipay_cert_sn") { state, test in
            (state.signer, state.number) = (test.stage.key, nil)
        },
        Fault("the certificate that is named did not sign", "untrusted bad_signature") { state, test in
            (state.signer, state.number) = (test.nextKey, test.current.leaf.number)
        },
        Fault("a number that is none", "untrusted unknown_certificate") { state, _ in state.number = "../../etc" },
        Fault("the download is signed by the new key itself", "untrusted unknown_certificate") { state, test in
            (state.downloadSigner, state.downloadNumber) = (test.nextKey, test.next.leaf.number)
        },
        Fault("the download is signed by nobody known", "untrusted bad_signature") { state, test in
            state.downloadSigner = test.nextKey
        },
        Fault("the download names no certificate", "untrusted missing_alipay_cert_sn") { state, _ in
            state.downloadNumber = nil
        },
        Fault("another certificate comes", "untrusted certificate_wrong_number") { state, _ in
            state.content = Base64.encode(Array(try Issued.good(99).utf8))
        },
        Fault("the certificate leads to another root", "untrusted certificate_unknown_root") { state, test in
            let pem = try test.stage.other.certificate(of: test.nextKey, named: "Alipay", serial: 8)
            state.number = try Certificate(text: pem).number
            state.content = Base64.encode(Array(pem.utf8))
        },
        Fault("the certificate has expired", "untrusted certificate_expired") { state, test in
            let pem = try test.stage.authority.certificate(
                of: test.nextKey, named: "Alipay", serial: 8, from: Issued.now - 60 * Issued.day,
                until: Issued.now - Issued.day)
            state.content = Base64.encode(Array(pem.utf8))
        },
        Fault("its intermediate is missing", "untrusted certificate_unknown_root") { state, test in
            state.content = Base64.encode(Array(Issued.blocks(test.nextPEM)[0].utf8))
        },
        Fault("what comes is no Base64", "malformed unreadable_alipay_cert_content") { state, _ in state.content = "***"
        },
        Fault("what comes is no certificate", "malformed certificate_unreadable") { state, _ in
            state.content = Base64.encode(Array("hello".utf8))
        },
    ]

    @Test(arguments: faults)
    func `nothing is trusted on first use`(fault: Fault) async throws {
        var state = renewed()
        try fault.change(&state, self)
        let gateway = CertificateGateway(state)
        #expect(await cause(gateway) == fault.cause)
        #expect(trust.chains == [current], "nothing is believed that was not before")
    }

    @Test func `a refused number is asked for again after a minute, and not before`() async {
        var state = renewed()
        state.content = "***"
        let gateway = CertificateGateway(state)
        for _ in 0..<5 { _ = await cause(gateway) }
        #expect(gateway.state.withLock { $0.downloads } == 1)
        gateway.state.withLock { $0.content = renewed().content }
        #expect(await cause(gateway, at: Issued.now + CertificateTrust.pause - 1) != "known")
        #expect(await cause(gateway, at: Issued.now + CertificateTrust.pause) == "known")
        #expect(gateway.state.withLock { $0.downloads } == 2)
    }

    @Test func `of two certificates that are believed, only the one that is named verifies`() async throws {
        try trust.admit(next, number: next.leaf.number, at: Issued.now)
        var state = renewed()
        state.number = current.leaf.number
        #expect(await cause(CertificateGateway(state)) == "untrusted bad_signature")
        state.number = next.leaf.number
        #expect(await cause(CertificateGateway(state)) == "known")
    }

    @Test func `a signed failure without a number is verified with every key that is believed`() throws {
        let node = #"{"code":"40004","sub_code":"PAY_INFO_NOT_EXISTING"}"#
        func body(_ key: PrivateKey) throws -> [UInt8] {
            let sign = Base64.encode(try key.sign(Array(node.utf8), with: .rsa2))
            return Array(#"{"m_response":\#(node),"sign":"\#(sign)"}"#.utf8)
        }
        #expect(try Envelope.open(body(stage.key), method: "m", app: app).verified)
        #expect(throws: EnvelopeError.self) { try Envelope.open(body(nextKey), method: "m", app: app) }
    }

    @Test func `a notification that names its certificate is verified whether or not the name is signed`() throws {
        let verifier = NotificationVerifier(profile: .cplife, keys: [], certificates: trust)
        for signsNumber in [true, false] {
            let body = try Self.notification(naming: current.leaf.number, isSigned: signsNumber, by: stage.key)
            let notification = try verifier.accept(body)
            #expect(notification.tradeNo == "2026031821001000000000000001")
            #expect((notification["alipay_cert_sn"] != nil) == signsNumber)
        }
    }

    /// - Parameter isSigned: whether the signature covers the certificate's number too.
    private static func notification(naming number: String, isSigned: Bool, by key: PrivateKey) throws -> [UInt8] {
        var message = SignedMessage.text(isSigned ? ["alipay_cert_sn": number] : [:])
        let sign = Base64.encode(try key.sign(message.content, with: .rsa2))
        if !isSigned { message.parameters.append((Array("alipay_cert_sn".utf8), Array(number.utf8))) }
        return message.body(sign: sign)
    }

    @Test func `a notification under a certificate that is not known here says which`() throws {
        let verifier = NotificationVerifier(profile: .cplife, keys: [], certificates: trust)
        let body = try Self.notification(naming: next.leaf.number, isSigned: false, by: nextKey)
        let rejection = verifier.refusal(body)
        #expect(rejection?.cause == .badSignature)
        #expect(rejection?.certificateNumber == next.leaf.number)
        #expect(rejection?.message.contains(next.leaf.number) == false)
        try trust.admit(next, number: next.leaf.number, at: Issued.now)
        #expect(verifier.refusal(body) == nil)
    }
}
