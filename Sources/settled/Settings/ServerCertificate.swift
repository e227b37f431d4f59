import NIOSSL

extension HTTPSettings.TLS {
    /// The server's certificate and key, read and ready, for TLS 1.2 and newer.
    ///
    /// - Throws: one sentence that names the file that cannot be used.
    func load() throws(SettingsError) -> TLSConfiguration {
        let chain = try read(certFile, "cert_file", "certificates") { try NIOSSLCertificate.fromPEMFile($0) }
        let key = try read(keyFile, "key_file", "a private key") { try NIOSSLPrivateKey(file: $0, format: .pem) }
        guard !chain.isEmpty else { throw problem("cert_file", "\(certFile) holds no certificate") }
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(key))
        configuration.minimumTLSVersion = .tlsv12
        // Whether the key is the certificate's shows when the two are put together.
        guard (try? NIOSSLContext(configuration: configuration)) != nil else {
            throw problem("key_file", "\(keyFile) is not the key of the first certificate in \(certFile)")
        }
        return configuration
    }

    private func read<Value>(
        _ file: String, _ key: String, _ what: String, _ parse: (String) throws -> Value
    ) throws(SettingsError) -> Value {
        do throws(SettingsFile.Unreadable) {
            _ = try SettingsFile.text(file)
        } catch {
            throw problem(key, "\(file) \(error.reason)")
        }
        do {
            return try parse(file)
        } catch {
            throw problem(key, "\(file) does not hold \(what) as PEM")
        }
    }

    private func problem(_ key: String, _ sentence: String) -> SettingsError {
        SettingsError(problems: [SettingsProblem("`http.tls.\(key)`: \(sentence)")])
    }
}
