import NIOCore
import NIOPosix
import NIOSSL

/// A TLS server on loopback whose certificate nobody vouches for. It never gets as far as an answer.
enum SelfSignedServer {
    static func with<T>(_ body: (String) async throws -> T) async throws -> T {
        let configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: try NIOSSLCertificate.fromPEMBytes(Array(certificate.utf8)).map { .certificate($0) },
            privateKey: .privateKey(try NIOSSLPrivateKey(bytes: Array(key.utf8), format: .pem)))
        let context = try NIOSSLContext(configuration: configuration)
        let server = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: context))
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

    /// For 127.0.0.1 and a hundred years, signed by itself. Made for this test alone.
    private static let certificate = """
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

    private static let key = """
        -----BEGIN PRIVATE KEY-----
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgvSZrPBXNTyG0Bx5h
        QFcR4dFKYd+GuVszIaocImeokeqhRANCAAQOadGcQ30mfvMWxEr+wIZslEJP1jtq
        2E40aD9380E9Qef12Cb4l/PSg85a8PN9bfRLjXTd8MKTDFu94anRkffy
        -----END PRIVATE KEY-----
        """
}
