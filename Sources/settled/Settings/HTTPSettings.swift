/// Where the program listens and whom it believes.
struct HTTPSettings: Sendable {
    struct TLS: Sendable {
        var certFile: String
        var keyFile: String
    }

    var listen: ListenAddress
    var apiListen: ListenAddress?
    var adminListen: ListenAddress
    var trustedProxies: [NetworkRange]
    var tls: TLS?

    init(_ section: SettingsSection) {
        listen = section.value(
            "listen", .address, default: ListenAddress(host: "0.0.0.0", port: 8080),
            "Where notifications arrive; the API and the pages too unless `api_listen` is set.")
        apiListen = section.optional("api_listen", .address, "Where the API and the pages are served instead.")
        adminListen = section.value(
            "admin_listen", .address, default: ListenAddress(host: "127.0.0.1", port: 9090),
            "Where metrics and health are served.")
        trustedProxies = section.values(
            "trusted_proxies", .network, default: [],
            "Proxies whose X-Forwarded-For is believed; from anybody else it is ignored.")
        tls = section.optionalSection("tls") { section in
            let cert = section.fileName(
                "cert_file", "PEM file with the certificate chain for `listen` and `api_listen`.")
            let key = section.fileName("key_file", "PEM file with its private key.")
            if cert == nil { section.complain(missing: "cert_file", expectation: "the name of a PEM file") }
            if key == nil { section.complain(missing: "key_file", expectation: "the name of a PEM file") }
            return TLS(certFile: cert ?? "", keyFile: key ?? "")
        }
    }
}
