import Alipay
import FoundationEssentials
import Synchronization

/// What the platform takes for "received", to the byte. Everything else is delivered again.
public final class ExpectedAcknowledgement: Sendable {
    public let style: AcknowledgementStyle
    private let appKey: PublicKey
    /// The acknowledgement is a constant per app: what was verified once need not be verified again.
    private let known = Mutex<[UInt8]?>(nil)

    /// - Parameter appKey: the application's public key, which the platform has on file.
    public init(_ style: AcknowledgementStyle, appKey: PublicKey) {
        self.style = style
        self.appKey = appKey
    }

    public func accepts(status: Int, body: [UInt8]) -> Bool {
        guard status == 200 else { return false }
        switch style {
        case .success: return body == Array("success".utf8)
        case .plainJSON: return body == Self.received
        case .signedXML:
            if known.withLock({ $0 == body }) { return true }
            guard isSignedReceipt(body) else { return false }
            known.withLock { $0 = body }
            return true
        }
    }

    private static let received = Array(#"{"econotify":"success"}"#.utf8)
    private static let opening = Array(
        #"<?xml version="1.0" encoding="UTF-8"?><alipay><response>{"econotify":"success"}</response><sign>"#.utf8)

    /// Cut by the fixed text around the signature, never parsed as XML.
    private func isSignedReceipt(_ body: [UInt8]) -> Bool {
        guard body.starts(with: Self.opening) else { return false }
        for algorithm in SignatureAlgorithm.allCases {
            let closing = Array("</sign><sign_type>\(algorithm.rawValue)</sign_type></alipay>".utf8)
            guard body.count > Self.opening.count + closing.count, body.suffix(closing.count).elementsEqual(closing)
            else { continue }
            let sign = body[Self.opening.count..<(body.count - closing.count)]
            guard let signature = Data(base64Encoded: Data(sign)) else { return false }
            return appKey.verify([UInt8](signature), over: Self.received, with: algorithm)
        }
        return false
    }
}
