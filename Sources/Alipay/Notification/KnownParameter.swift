/// The parameter names that Alipay documents or sends in notifications, of property fees and of trades. The set is
/// open: others are signed and kept like these.
enum KnownParameter {
    static let names: Set<String> = [
        "_request_path", "agreement_no", "alipay_cert_sn", "app_id", "auth_app_id", "biz_type", "body", "buyer_id",
        "buyer_logon_id", "buyer_open_id", "buyer_pay_amount", "buyer_user_id", "charset", "community_id", "det_list",
        "external_agreement_no", "fund_bill_list", "gmt_close", "gmt_create", "gmt_payment", "gmt_refund",
        "invoice_amount", "merchant_app_id", "merchant_order_no", "notify_id", "notify_time", "notify_type",
        "out_biz_no", "out_community_id", "out_request_no", "out_trade_no", "passback_params", "point_amount",
        "query_token", "receipt_amount", "refund_fee", "refund_reason", "refund_status", "seller_email", "seller_id",
        "send_back_fee", "service", "sign", "sign_type", "subject", "total_amount", "trade_no", "trade_status",
        "version", "voucher_detail_list",
    ]

    /// A name for the log. One that is not known was written by a stranger and may say anything; it is not shown.
    static func shown(_ name: ArraySlice<UInt8>) -> String {
        guard let text = String(validating: name, as: UTF8.self), names.contains(text) else {
            return "an unknown parameter"
        }
        return text
    }
}
