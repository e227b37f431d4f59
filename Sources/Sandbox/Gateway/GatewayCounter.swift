/// The counter of one API at the gateway: it is handed calls that were checked, and decides what is answered.
protocol GatewayCounter: Sendable {
    /// The API's name, such as `alipay.eco.cplife.pay.result.query`.
    var method: String { get }

    /// Any error that is thrown as a ``GatewayError`` is counted as a refusal and answered as one.
    func reply(to request: GatewayRequest, from office: AnswerOffice) throws -> WireReply
}
