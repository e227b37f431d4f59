import Alipay

/// Throw-away keys, made once in a process: a pair costs a quarter of a second.
enum TestKeys {
    static let alipay = Result { try PrivateKey.generate() }
    static let app = Result { try PrivateKey.generate() }
}
