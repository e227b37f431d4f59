// Alipay's OpenAPI protocol as pure code over bytes: keys and signatures (Crypto), certificates and whom
// they make believable (Certificates), notifications and their acknowledgements (Notification), signed calls and their
// verified answers (Gateway), and why a signature fails (Doctor). It may import OpenSSL through COpenSSL, and Wire for
// texts, JSON and the HTTP exchange; no database, no server.
// Start reading at Notification/NotificationVerifier.swift for what comes in and Gateway/GatewayClient.swift for what
// goes out.
