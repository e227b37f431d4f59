// Wire is what both platforms' wires have in common: texts (charsets, Base64, digests, amounts, China's time), strict JSON
// read from bytes and written byte for byte, and one HTTP exchange with a deadline and a cap.
// It imports OpenSSL's digests, glibc and the HTTP client, and nothing of ours; it judges no answer and signs nothing.
// Start with JSON/JSONScanner.swift and Transport/GatewayTransport.swift.
