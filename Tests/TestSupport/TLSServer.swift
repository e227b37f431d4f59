import NIOCore
import NIOPosix
import NIOSSL

/// A TLS server on 127.0.0.1 that shows one certificate and answers every request with the same bytes.
public enum TLSServer {
    /// What is wrong with the certificate, if anything.
    public enum Certificate: Sendable, CaseIterable {
        /// Signed by ``root``, for 127.0.0.1, until 2126.
        case good
        /// The same, for another host.
        case otherHost
        /// The same, until 2021.
        case expired
        /// For 127.0.0.1 and signed by itself: nobody vouches for it.
        case selfSigned
    }

    /// Runs the server for as long as `body` takes, and gives it the URL.
    public static func with<T>(
        _ certificate: Certificate, answer: [UInt8] = [], _ body: (String) async throws -> T
    ) async throws -> T {
        let (chain, key) =
            switch certificate {
            case .good: (good, leafKey)
            case .otherHost: (otherHost, leafKey)
            case .expired: (expired, leafKey)
            case .selfSigned: (selfSigned, selfSignedKey)
            }
        let configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: try NIOSSLCertificate.fromPEMBytes(Array(chain.utf8)).map { .certificate($0) },
            privateKey: .privateKey(try NIOSSLPrivateKey(bytes: Array(key.utf8), format: .pem)))
        let context = try NIOSSLContext(configuration: configuration)
        let server = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: context))
                    try channel.pipeline.syncOperations.addHandler(Answerer(answer: answer))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let port = server.localAddress?.port ?? 0
        do {
            let result = try await body("https://127.0.0.1:\(port)/gateway.do")
            try await server.close()
            return result
        } catch {
            try await server.close()
            throw error
        }
    }

    /// Answers as soon as anything was asked, and closes.
    private final class Answerer: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer

        private let answer: [UInt8]
        private var hasAnswered = false

        init(answer: [UInt8]) { self.answer = answer }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            guard !hasAnswered else { return }
            hasAnswered = true
            let channel = context.channel
            context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: answer))).whenComplete { _ in
                channel.close(promise: nil)
            }
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
    }

    // MARK: Certificates, made for these tests alone

    public static let root = """
        -----BEGIN CERTIFICATE-----
        MIIBlzCCATygAwIBAgIUfBZZ6KeoeN2A5mS6aw6euFfFaV8wCgYIKoZIzj0EAwIw
        KDEmMCQGA1UEAwwdQSByb290IHRoYXQgdGVzdHMgYWxvbmUgdHJ1c3QwIBcNMjYx
        MTIxMDUzNzQzWhgPMjEyNjEwMjgwNTM3NDNaMCgxJjAkBgNVBAMMHUEgcm9vdCB0
        aGF0IHRlc3RzIGFsb25lIHRydXN0MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE
        31PMxuRbuFnjAU6Tr5lvFmDrEX73wH8qVDnCiCHDyOhs38b8jIHrG7LKp20Bpzfy
        DHuq9MCdOMzx2hsLciCGuKNCMEAwDwYDVR0TAQH/BAUwAwEB/zAOBgNVHQ8BAf8E
        BAMCAQYwHQYDVR0OBBYEFEkfA+9eG/C524qcIu75rpB/9gI0MAoGCCqGSM49BAMC
        A0kAMEYCIQCKOGLUdc2tWIoBS5QHlMkYRFltb+PtraVHvCOQKO0WMQIhAOnbXdPD
        03fEtz2P3Oc0xy7Wz9YclnJ2KsSalekoLKOa
        -----END CERTIFICATE-----
        """

    private static let good = """
        -----BEGIN CERTIFICATE-----
        MIIBvTCCAWSgAwIBAgICEAAwCgYIKoZIzj0EAwIwKDEmMCQGA1UEAwwdQSByb290
        IHRoYXQgdGVzdHMgYWxvbmUgdHJ1c3QwIBcNMjAwMTAxMDAwMDAwWhgPMjEyNjAx
        MDEwMDAwMDBaMBwxGjAYBgNVBAMMEWdhdGV3YXkgb2YgYSB0ZXN0MFkwEwYHKoZI
        zj0CAQYIKoZIzj0DAQcDQgAEWEaDIXz85jBzM+QBmwuPRsiuKBOUjHaWPsmGENHP
        4KChD74m286d/iooprhk/1ZrOMhSjb3zGVanIFO+Tqnq+KOBhzCBhDAMBgNVHRMB
        Af8EAjAAMA8GA1UdEQQIMAaHBH8AAAEwEwYDVR0lBAwwCgYIKwYBBQUHAwEwDgYD
        VR0PAQH/BAQDAgeAMB0GA1UdDgQWBBTwag9QwG4JaGPZhMABZZBpnS6JkjAfBgNV
        HSMEGDAWgBRJHwPvXhvwuduKnCLu+a6Qf/YCNDAKBggqhkjOPQQDAgNHADBEAiBQ
        /AQVKHdG+4Wq8nbwyFvGedGEt3H/0L0pazWLEX/0pgIgCR8QdBLE/GmBxVQyBxs8
        /eqxrVzl3hEi9M10fkalyGw=
        -----END CERTIFICATE-----
        """

    private static let otherHost = """
        -----BEGIN CERTIFICATE-----
        MIIByTCCAW+gAwIBAgICEAAwCgYIKoZIzj0EAwIwKDEmMCQGA1UEAwwdQSByb290
        IHRoYXQgdGVzdHMgYWxvbmUgdHJ1c3QwIBcNMjAwMTAxMDAwMDAwWhgPMjEyNjAx
        MDEwMDAwMDBaMBwxGjAYBgNVBAMMEWdhdGV3YXkgb2YgYSB0ZXN0MFkwEwYHKoZI
        zj0CAQYIKoZIzj0DAQcDQgAEWEaDIXz85jBzM+QBmwuPRsiuKBOUjHaWPsmGENHP
        4KChD74m286d/iooprhk/1ZrOMhSjb3zGVanIFO+Tqnq+KOBkjCBjzAMBgNVHRMB
        Af8EAjAAMBoGA1UdEQQTMBGCD2dhdGV3YXkuZXhhbXBsZTATBgNVHSUEDDAKBggr
        BgEFBQcDATAOBgNVHQ8BAf8EBAMCB4AwHQYDVR0OBBYEFPBqD1DAbgloY9mEwAFl
        kGmdLomSMB8GA1UdIwQYMBaAFEkfA+9eG/C524qcIu75rpB/9gI0MAoGCCqGSM49
        BAMCA0gAMEUCIQCvlYNriUAkpYif1181mtLSokm9GcMXQCI4wx4LjVpo9QIgLnck
        JOevoJjLwgA/jvQVpqdNLMd2JXKBGBe/rxejiMc=
        -----END CERTIFICATE-----
        """

    private static let expired = """
        -----BEGIN CERTIFICATE-----
        MIIBuzCCAWKgAwIBAgICEAAwCgYIKoZIzj0EAwIwKDEmMCQGA1UEAwwdQSByb290
        IHRoYXQgdGVzdHMgYWxvbmUgdHJ1c3QwHhcNMjAwMTAxMDAwMDAwWhcNMjEwMTAx
        MDAwMDAwWjAcMRowGAYDVQQDDBFnYXRld2F5IG9mIGEgdGVzdDBZMBMGByqGSM49
        AgEGCCqGSM49AwEHA0IABFhGgyF8/OYwczPkAZsLj0bIrigTlIx2lj7JhhDRz+Cg
        oQ++JtvOnf4qKKa4ZP9WazjIUo298xlWpyBTvk6p6vijgYcwgYQwDAYDVR0TAQH/
        BAIwADAPBgNVHREECDAGhwR/AAABMBMGA1UdJQQMMAoGCCsGAQUFBwMBMA4GA1Ud
        DwEB/wQEAwIHgDAdBgNVHQ4EFgQU8GoPUMBuCWhj2YTAAWWQaZ0uiZIwHwYDVR0j
        BBgwFoAUSR8D714b8Lnbipwi7vmukH/2AjQwCgYIKoZIzj0EAwIDRwAwRAIgPSCe
        4g0q5urETDDHRatKU5GNC0qCBmV9JL6t1SVKPsYCIFaTAjMYahGJhQXmQTJreNJ4
        78o68ghSMYqRMivX5lRh
        -----END CERTIFICATE-----
        """

    private static let leafKey = """
        -----BEGIN PRIVATE KEY-----
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgwh1iQNHcwhsUHoNQ
        SlnT140e3PNLR2nWdBSVuga057qhRANCAARYRoMhfPzmMHMz5AGbC49GyK4oE5SM
        dpY+yYYQ0c/goKEPvibbzp3+KiimuGT/Vms4yFKNvfMZVqcgU75Oqer4
        -----END PRIVATE KEY-----
        """

    private static let selfSigned = """
        -----BEGIN CERTIFICATE-----
        MIIBkDCCATagAwIBAgIULArM6CLkcR37KzWgjkOUOR/MW9QwCgYIKoZIzj0EAwIw
        FDESMBAGA1UEAwwJMTI3LjAuMC4xMCAXDTI2MTEyMTAxMzM0NFoYDzIxMjYxMDI4
        MDEzMzQ0WjAUMRIwEAYDVQQDDAkxMjcuMC4wLjEwWTATBgcqhkjOPQIBBggqhkjO
        PQMBBwNCAAQOadGcQ30mfvMWxEr+wIZslEJP1jtq2E40aD9380E9Qef12Cb4l/PS
        g85a8PN9bfRLjXTd8MKTDFu94anRkffyo2QwYjAdBgNVHQ4EFgQUnD2KpnAxjxZZ
        kHhiA4tHRyQHr3cwHwYDVR0jBBgwFoAUnD2KpnAxjxZZkHhiA4tHRyQHr3cwDwYD
        VR0TAQH/BAUwAwEB/zAPBgNVHREECDAGhwR/AAABMAoGCCqGSM49BAMCA0gAMEUC
        IDGuVRCJsh4XWFPcx9e1NrxrXBa3p4r5b/MEQW4CLNOCAiEAk07CCvrR7H/lD+yS
        uLqD6JNEkXY9TNMgKe3Jz9Y0ZXQ=
        -----END CERTIFICATE-----
        """

    private static let selfSignedKey = """
        -----BEGIN PRIVATE KEY-----
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgvSZrPBXNTyG0Bx5h
        QFcR4dFKYd+GuVszIaocImeokeqhRANCAAQOadGcQ30mfvMWxEr+wIZslEJP1jtq
        2E40aD9380E9Qef12Cb4l/PSg85a8PN9bfRLjXTd8MKTDFu94anRkffy
        -----END PRIVATE KEY-----
        """
}
