/// What goes wrong with one question, instead of its answer.
public enum TOPFault: Sendable, Hashable {
    /// An error of the platform.
    case error(TOPRefusal)
    /// `result.success` is false.
    case businessError(String)
    /// The order's answer with another order's number, or without one.
    case wrongOrder
    case missingEcho
    /// The order's answer with `module` as a JSON text, or with a single instalment that no list is around.
    case moduleAsText
    case bareInstalment
    /// The answer in a format that was not asked for.
    case otherFormat
    /// A document type with an entity, in front of an XML answer.
    case doctype
    case page(Int)
    case empty
    case half
    case reset
    case late(Duration)

    /// A word for journals.
    public var name: String {
        switch self {
        case .error(let refusal): refusal.subCode ?? String(refusal.code)
        case .businessError(let code): code
        case .wrongOrder: "wrong_order"
        case .missingEcho: "missing_echo"
        case .moduleAsText: "module_as_text"
        case .bareInstalment: "bare_instalment"
        case .otherFormat: "other_format"
        case .doctype: "doctype"
        case .page(let status): "http_\(status)"
        case .empty: "empty"
        case .half: "half"
        case .reset: "reset"
        case .late: "late"
        }
    }
}
