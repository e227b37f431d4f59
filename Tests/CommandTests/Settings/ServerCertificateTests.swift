import Testing

@testable import settled

@Suite("The server's certificate")
struct ServerCertificateTests {
    private func problem(_ folder: SettingsFolder, cert: String, key: String) -> String? {
        do throws(SettingsError) {
            _ = try HTTPSettings.TLS(certFile: folder.path + "/" + cert, keyFile: folder.path + "/" + key).load()
            return nil
        } catch {
            return error.description.replacing(folder.path + "/", with: "")
        }
    }

    @Test("A certificate and its key are taken; each thing that is wrong is one sentence that names the file")
    func problems() throws {
        let folder = try SettingsFolder([
            "cert.pem": Self.certificate, "key.pem": Self.key, "other.pem": Self.otherKey, "nonsense.pem": "nonsense",
        ])
        #expect(problem(folder, cert: "cert.pem", key: "key.pem") == nil)
        #expect(
            problem(folder, cert: "none.pem", key: "key.pem")
                == "`http.tls.cert_file`: none.pem cannot be read: No such file or directory")
        #expect(
            problem(folder, cert: "nonsense.pem", key: "key.pem")
                == "`http.tls.cert_file`: nonsense.pem does not hold certificates as PEM")
        #expect(
            problem(folder, cert: "cert.pem", key: "nonsense.pem")
                == "`http.tls.key_file`: nonsense.pem does not hold a private key as PEM")
        #expect(
            problem(folder, cert: "cert.pem", key: "other.pem")
                == "`http.tls.key_file`: other.pem is not the key of the first certificate in cert.pem")
    }

    // A self-signed certificate for settled.example with its P-256 key, and another key; made for this test alone.
    private static let certificate = """
        -----BEGIN CERTIFICATE-----
        MIIBijCCATGgAwIBAgIUVwUdYLQLAPWHGYDsiRv44TZyeJEwCgYIKoZIzj0EAwIw
        GjEYMBYGA1UEAwwPc2V0dGxlZC5leGFtcGxlMCAXDTI2MTEyMTAzMTAwNloYDzIx
        MjYxMDI4MDMxMDA2WjAaMRgwFgYDVQQDDA9zZXR0bGVkLmV4YW1wbGUwWTATBgcq
        hkjOPQIBBggqhkjOPQMBBwNCAARqCw5NgVso6lkQfDZdhiBUduGXfLtKVDs2NqMd
        JeEJcYQ/zfeiccxH85U9NfVPMUUhBUQaAS59+9T63YshTozRo1MwUTAdBgNVHQ4E
        FgQUn4C7gVFZ8pwMqlzKvGz3Iz3HEz4wHwYDVR0jBBgwFoAUn4C7gVFZ8pwMqlzK
        vGz3Iz3HEz4wDwYDVR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNHADBEAiB0Kghe
        pJt2oIw2PmJRsKv1P8rHRIS82a1XHFsSTRyiCgIgTefRdDoGW0fyqy5PNxA1fVME
        g11B+r6RBLaVpYLmkPQ=
        -----END CERTIFICATE-----
        """
    private static let key = """
        -----BEGIN PRIVATE KEY-----
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgxg/gkHmbFAtmkrPk
        fw8wmSyeTcb+YpeLnn1f/WclVNqhRANCAARqCw5NgVso6lkQfDZdhiBUduGXfLtK
        VDs2NqMdJeEJcYQ/zfeiccxH85U9NfVPMUUhBUQaAS59+9T63YshTozR
        -----END PRIVATE KEY-----
        """
    private static let otherKey = """
        -----BEGIN PRIVATE KEY-----
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg+W4+dWJBAtdaIYEY
        EbBkvmEFyfZWpoM/SJXkYEHNPZyhRANCAASm4AwQ1kb+OgTtVd3Pt6Jjqt7reA3L
        QoEhKCwVtAO2cEAeHtoQF/+pOcGvjXkG+MXhOlj2Tw4JtbQnJqkF0wD5
        -----END PRIVATE KEY-----
        """
}

@Suite("Connections to the database")
struct DatabaseConnectionTests {
    @Test(
        "The statement timeout is added to what the operator wrote, and never over options of their own",
        arguments: [
            ("", [:], "options='-c statement_timeout=30000'"),
            ("host=a dbname=b", [:], "host=a dbname=b options='-c statement_timeout=30000'"),
            ("postgresql://a/b", [:], "postgresql://a/b?options=-c%20statement_timeout%3D30000"),
            (
                "postgres://a,c/b?target_session_attrs=read-write", [:],
                "postgres://a,c/b?target_session_attrs=read-write&options=-c%20statement_timeout%3D30000"
            ),
            ("postgresql://a/b?options=-c%20x%3D1", [:], "postgresql://a/b?options=-c%20x%3D1"),
            ("host=a", ["PGOPTIONS": "-c x=1"], "host=a"),
        ] as [(String, [String: String], String)])
    func statementTimeout(conninfo: String, environment: [String: String], expected: String) {
        #expect(DatabaseSettings.limited(conninfo, to: .seconds(30), environment: environment) == expected)
    }
}
