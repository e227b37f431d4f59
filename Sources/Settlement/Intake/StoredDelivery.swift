import Alipay
import Wire

/// A verified delivery with its job, ready to be written: nothing in it can make the statement fail for its neighbours.
struct StoredDelivery: Sendable {
    /// SHA-256 over the source's name, a zero byte and the notification's digest.
    let digest: [UInt8]
    let source: String
    let appID: String
    let delivery: Delivery
    let canonicalForm: String
    let algorithm: String
    let keyFingerprint: String
    let flags: String
    let notifyID: String?
    let job: Job

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
        flags = notification.flags.map(\.rawValue).sorted().joined(separator: ",")
        notifyID = Delivery.storable(notification.notifyID)
        switch screening {
        case .query(let job):
            self.job = Job(args: job.args, subject: job.subject, quarantine: nil)
        case .quarantine(let job, let cause, let message):
            self.job = Job(args: job.args, subject: job.subject, quarantine: (cause.rawValue, message))
        }
    }

    private init(_ other: StoredDelivery, job: Job) {
        digest = other.digest
        source = other.source
        appID = other.appID
        delivery = Delivery(body: other.delivery.body, contentType: nil, remoteAddress: nil)
        canonicalForm = other.canonicalForm
        algorithm = other.algorithm
        keyFingerprint = other.keyFingerprint
        flags = other.flags
        notifyID = nil
        self.job = job
    }

    /// The same delivery as raw bytes alone, for a person: what is left when the database refused it for its own sake.
    func asUnstorable(_ reason: String) -> StoredDelivery {
        StoredDelivery(
            self,
            job: Job(
                args: PayResultJob(source: source, appID: appID).args, subject: nil,
                quarantine: ("unstorable", "the database refused this notification (\(reason)); its raw body is kept")))
    }
}
