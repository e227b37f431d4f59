// Alipay's OpenAPI protocol as pure code over bytes: keys and signatures (Crypto), notifications and their
// acknowledgements (Notification), signed calls and their verified answers (Gateway). It may import OpenSSL through
// COpenSSL, and Wire for texts, JSON and the HTTP exchange; no database, no server.
// Start reading at Notification/NotificationVerifier.swift for what comes in and Gateway/GatewayClient.swift for what
// goes out.
