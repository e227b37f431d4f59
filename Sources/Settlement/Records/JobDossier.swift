import Alipay
import JobQueue
import Postgres
import Wire

/// A job with all that the line knows around it: attempts, interventions, notifications, answers, settlements.
public struct JobDossier: Sendable {
    public let detail: JobDetail
    public let trace: JobTrace

    /// The object that the API and `jobs show --json` give.
    public var json: [UInt8] {
        var json = JSONWriter(capacity: 2048)
        json.object { json in
            detail.job.write(to: &json)
            json.array("attempts") { json in
                for attempt in detail.attempts { json.object { attempt.write(to: &$0) } }
            }
            json.array("events") { json in
                for event in detail.events { json.object { event.write(to: &$0) } }
            }
            json.array("notifications") { json in
                for delivery in trace.deliveries { json.object { delivery.write(to: &$0) } }
            }
            json.array("answers") { json in
                for answer in trace.answers { json.object { answer.write(to: &$0) } }
            }
            json.array("settlements") { json in
                for settlement in trace.settlements { json.object { settlement.writeReference(to: &$0) } }
            }
        }
        return json.bytes
    }
}

extension Job {
    /// The object that the API and `jobs list --json` give.
    public var json: [UInt8] {
        var json = JSONWriter(capacity: 768)
        json.object { write(to: &$0) }
        return json.bytes
    }

    fileprivate func write(to json: inout JSONWriter) {
        json.member("id", id)
        json.member("queue", queue)
        json.member("kind", kind)
        json.member("state", state.rawValue)
        json.member("outcome", orNull: outcome)
        json.member("subject", orNull: subject)
        json.member("cause", orNull: cause)
        json.member("message", orNull: message)
        json.member("note", orNull: note)
        json.member("hold_key", orNull: holdKey)
        json.member("priority", Int64(priority.rawValue))
        json.member("attempt", Int64(attempt))
        json.member("crashes", Int64(crashes))
        json.member("unique_key", orNull: uniqueKey)
        json.member("created_at", createdAt.rfc3339)
        json.member("run_at", runAt.rfc3339)
        json.member("first_attempt_at", orNull: firstAttemptAt?.rfc3339)
        json.member("finished_at", orNull: finishedAt?.rfc3339)
        json.member("lease_epoch", leaseEpoch)
        json.member("worker", orNull: worker)
        json.member("lease_expires_at", orNull: leaseExpiresAt?.rfc3339)
        json.member("args", raw: args)
    }
}

extension JobAttempt {
    fileprivate func write(to json: inout JSONWriter) {
        json.member("lease_epoch", leaseEpoch)
        json.member("worker", orNull: worker)
        json.member("ended_at", endedAt.rfc3339)
        json.member("disposition", disposition)
        json.member("cause", orNull: cause)
        json.member("message", orNull: message)
    }
}

extension JobEvent {
    fileprivate func write(to json: inout JSONWriter) {
        json.member("at", at.rfc3339)
        json.member("action", action)
        json.member("actor", actor)
        json.member("reason", reason)
        json.member("from", orNull: from)
        json.member("to", orNull: to)
        json.member("cause", orNull: cause)
    }
}

extension JobTrace.Delivery {
    fileprivate func write(to json: inout JSONWriter) {
        json.member("id", id)
        json.member("received_at", receivedAt.rfc3339)
        json.member("source", source)
        json.member("result", result)
    }
}

extension JobTrace.Answer {
    fileprivate func write(to json: inout JSONWriter) {
        json.member("at", at.rfc3339)
        json.member("verdict", verdict)
        json.member("code", orNull: code)
        json.member("sub_code", orNull: subCode)
        json.member("signed", isSigned)
    }
}

extension SettlementRecords.Record {
    fileprivate func writeReference(to json: inout JSONWriter) {
        json.member("id", id)
        json.member("kind", kind)
        json.member("trade_no", tradeNo)
        json.member("total_amount", Amount(fen: totalFen).yuan)
        json.member("total_amount_fen", totalFen)
        json.member("currency", "CNY")
        json.member("seq", orNull: seq)
        json.member("job_id", jobID)
        json.member("confirmed_at", confirmedAt.rfc3339)
    }
}

extension Intervention {
    /// What became of one job: `result` is changed, refused (with the `state` that forbids it), key_taken or unknown.
    public var json: [UInt8] {
        var json = JSONWriter(capacity: 96)
        json.object { json in
            json.member("id", jobID)
            json.member("queue", orNull: queue)
            switch result {
            case .changed: json.member("result", "changed")
            case .refused(let state):
                json.member("result", "refused")
                json.member("state", state.rawValue)
            case .keyTaken: json.member("result", "key_taken")
            case .unknown: json.member("result", "unknown")
            }
        }
        return json.bytes
    }
}
