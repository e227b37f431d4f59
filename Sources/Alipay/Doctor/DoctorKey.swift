import COpenSSL
import Wire

/// A key that may have made a signature, and whose it is.
public struct DoctorKey: Sendable, Hashable {
    public enum Owner: String, Sendable, Hashable, CaseIterable {
        /// Alipay's, of the app whose message this is: the one that ought to have signed.
        case alipay
        /// Alipay's, of another app.
        case otherApp = "alipay_other_app"
        /// The application's own, which signs requests and nothing that comes in.
        case own
    }

    public let owner: Owner
    public let key: PublicKey
    /// Where it stands, in words: `apps[0].alipay_public_key of app 2021…`.
    public let name: String

    public init(_ owner: Owner, _ key: PublicKey, name: String) {
        self.owner = owner
        self.key = key
        self.name = name
    }
}

/// A signature that a known key made: whose key, with which algorithm, and over the content of which digest.
///
/// The digest is what makes the search cheap: a content is right when its digest is this one, and no key is asked again.
struct Opening: Sendable {
    let signer: DoctorKey
    let algorithm: SignatureAlgorithm
    let digest: [UInt8]
    let signature: [UInt8]

    /// What had to be undone in the `sign` of a message to read this signature.
    func repairs(in signs: [[UInt8]]) -> [DoctorFinding] {
        SignSpelling.all(of: signs).first { $0.signature == signature }?.repairs ?? []
    }

    /// Whether this is the content that was signed, by the key's own judgement.
    func covers(_ content: [UInt8]) -> Bool {
        algorithm.hash(content) == digest && signer.key.verify(signature, over: content, with: algorithm)
    }

    /// The first spelling of `sign` that one of the keys made. A key that stands in several places is Alipay's of this
    /// app if that is one of them.
    static func first(of spellings: [SignSpelling], among keys: [DoctorKey]) -> Opening? {
        let likely = keys.filter { $0.owner == .alipay } + keys.filter { $0.owner != .alipay }
        for spelling in spellings {
            for signer in likely {
                for algorithm in SignatureAlgorithm.allCases {
                    guard let digest = signer.key.digest(in: spelling.signature, with: algorithm) else { continue }
                    return Opening(
                        signer: signer, algorithm: algorithm, digest: digest, signature: spelling.signature)
                }
            }
        }
        return nil
    }
}

extension SignatureAlgorithm {
    /// The digest that a signature of this algorithm carries.
    func hash(_ content: [UInt8]) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: Int(EVP_MAX_MD_SIZE)) { result, count in
            var length: UInt32 = 0
            let done = EVP_Digest(content, content.count, result.baseAddress, &length, digest.pointer, nil)
            count = done == 1 ? Int(length) : 0
        }
    }
}
