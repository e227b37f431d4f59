// Alipay's OpenAPI protocol as pure code over bytes: keys and signatures (Crypto), charsets, amounts and times (Text),
// notifications and their acknowledgements (Notification), signed calls and their verified answers (Gateway). It may
// import OpenSSL through COpenSSL, glibc, and for the gateway's transport the HTTP client; no database, no server.
// Start reading at Notification/NotificationVerifier.swift for what comes in and Gateway/GatewayClient.swift for what
// goes out.
