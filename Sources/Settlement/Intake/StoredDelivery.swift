import Alipay
import Wire

/// A verified delivery with its job, ready to be written: nothing in it can make the statement fail for its neighbours.
struct StoredDelivery: Sendable {
    /// SHA-256 over the source's name, a zero byte and the notification's digest.
    let digest: [UInt8]
    let source: String
    let appID: String
    private(set) var delivery: Delivery
    let canonicalForm: String
    let algorithm: String
    let keyFingerprint: String
    private(set) var flags: String
    private(set) var notifyID: String?
    private(set) var job: Job

    struct Job: Sendable {
        let args: String
        let subject: String?
        /// Nil when the gateway is asked; else the job waits for a person.
        let quarantine: (cause: String, message: String)?
    }

    init(_ notification: Notification, from source: Source, delivery: Delivery, screening: Screening) {
        digest = Digest.sha256(Array(source.name.utf8) + [0] + notification.digest)
        self.source = source.name
        appID = source.appID
        self.delivery = Delivery(
            body: delivery.body, contentType: Delivery.storable(delivery.contentType),
            remoteAddress: Delivery.storable(delivery.remoteAddress))
        canonicalForm = notification.canonicalForm.rawValue
        algorithm = notification.algorithm.rawValue
        keyFingerprint = notification.keyFingerprint
        flags = notification.flags.isEmpty ? "" : notification.flags.map(\.rawValue).sorted().joined(separator: ",")
        notifyID = Delivery.storable(notification.notifyID)
        switch screening {
        case .query(let job):
            self.job = Job(args: job.args, subject: job.subject, quarantine: nil)
        case .quarantine(let job, let cause, let message):
            self.job = Job(args: job.args, subject: job.subject, quarantine: (cause.rawValue, message))
        }
    }

    /// The same delivery with one more flag.
    func marked(_ flag: String) -> StoredDelivery {
        var marked = self
        marked.flags = flags.isEmpty ? flag : flags + "," + flag
        return marked
    }

    /// The same delivery as raw bytes alone, for a person: what is left when the database refused it for its own sake.
    func asUnstorable(_ reason: String) -> StoredDelivery {
        var raw = self
        raw.delivery = Delivery(body: delivery.body, contentType: nil, remoteAddress: nil)
        raw.notifyID = nil
        raw.job = Job(
            args: PayResultJob(source: source, appID: appID).args, subject: nil,
            quarantine: ("unstorable", "the database refused this notification (\(reason)); its raw body is kept"))
        return raw
    }
}
