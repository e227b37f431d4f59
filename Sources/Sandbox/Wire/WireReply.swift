/// What goes back over the wire, decided in full before any of it is sent.
struct WireReply: Sendable {
    enum Delivery: Sendable {
        case whole
        /// So many bytes of the announced body, then the connection ends.
        case cut(after: Int)
        case drip(pause: Duration)
        /// No answer: the connection is reset.
        case reset
    }

    var status = 200
    var contentType = "text/html;charset=utf-8"
    var headers: [(name: String, value: String)] = []
    var body: [UInt8] = []
    var delay: Duration = .zero
    var delivery = Delivery.whole

    static func page(_ status: Int) -> WireReply {
        let body = status == 204 ? "" : "<html><head><title>\(status)</title></head><body>nginx</body></html>"
        return WireReply(status: status, contentType: "text/html", body: Array(body.utf8))
    }
}
