import Foundation
import Testing
import Wire

@testable import Alipay

@Suite("What the doctor says of a spoiled notification", .longWork) struct NotificationDoctorTests {
    static let spoilings: [Spoiling] = [
        .text("html_escaped", "quotes become &quot;") { $0.replacing("\"", with: "&quot;") },
        .text("html_escaped", "quotes become &#34;") { $0.replacing("\"", with: "&#34;") },
        .text("html_escaped", "everything is escaped for HTML") {
            $0.replacing("&", with: "&amp;").replacing("\"", with: "&quot;").replacing("<", with: "&lt;")
        },
        .text("html_escaped_twice", "quotes become &amp;quot;") { $0.replacing("\"", with: "&amp;quot;") },
        .text("slashes_added", "quotes get backslashes") { $0.replacing("\"", with: "\\\"") },
        .text("json_escaped", "slashes are escaped as in JSON") { $0.replacing("/", with: "\\/") },
        .text("read_as_latin1", "UTF-8 is read as ISO-8859-1") { text in
            String(String.UnicodeScalarView(text.utf8.map { Unicode.Scalar($0) }))
        },
        .values("utf8_of_gbk", "GBK is converted to UTF-8") { _, value in
            String(validating: value, as: UTF8.self) == nil ? Charset.gbk.decode(value).map { Array($0.utf8) } : nil
        },
        .values("gbk_of_utf8", "UTF-8 is converted to GBK") { _, value in
            String(validating: value, as: UTF8.self).flatMap { Charset.gbk.encode($0) ?? Charset.gb18030.encode($0) }
        },
        .values("lost_plus", "every + becomes a blank") { _, value in value.map { $0 == 0x2B ? 0x20 : $0 } },
        .values("plus_kept", "blanks stay +") { _, value in
            value.contains(0x2B) ? nil : value.map { $0 == 0x20 ? 0x2B : $0 }
        },
        .values("encoded_twice", "values are encoded twice") { _, value in PercentText.encoded(value, .form) },
        .wire("encoded_twice", "the whole body is encoded again") { body in
            body.flatMap { $0 == UInt8(ascii: "%") ? Array("%25".utf8) : [$0] }
        },
        .form("parameter_added", "a query string is merged in") { $0.append((Array("tenant".utf8), Array("7".utf8))) },
        .form("parameter_added", "two parameters are merged in") {
            $0.append((Array("tenant".utf8), Array("7".utf8)))
            $0.append((Array("biz_type".utf8), Array("00".utf8)))
        },
        .form("parameter_removed", "charset is removed") { $0.removeAll { $0.name.elementsEqual("charset".utf8) } },
        .form("parameter_removed", "version is removed") { $0.removeAll { $0.name.elementsEqual("version".utf8) } },
        .form("parameter_removed", "service is removed") { $0.removeAll { $0.name.elementsEqual("service".utf8) } },
        .form("duplicate_parameter", "the first parameter is repeated with another value") {
            $0.append(($0[0].name, Array("other".utf8)))
        },
        .form("values_joined", "a repeated parameter is joined") { $0[0].value += [0x2C] + $0[0].value },
        .form("charset_changed", "charset is rewritten") { parameters in
            for index in parameters.indices where parameters[index].name.elementsEqual("charset".utf8) {
                parameters[index].value = Array("ISO-8859-1".utf8)
            }
        },
        .form("names_changed", "names are written in capitals") { parameters in
            for index in parameters.indices where !parameters[index].name.elementsEqual("sign".utf8) {
                parameters[index].name = Array(
                    String(decoding: parameters[index].name, as: UTF8.self).uppercased().utf8)
            }
        },
        .values("blanks_added", "values get a blank behind them") { _, value in value + [0x20] },
        .values("trimmed", "values are trimmed") { _, value in
            var value = value
            while let last = value.last, last <= 0x20 { value.removeLast() }
            return value
        },
        .values("line_ends_changed", "CRLF becomes LF") { _, value in value.filter { $0 != 0x0D } },
        .values("amount_rewritten", "amounts are read as numbers") { name, value in
            guard name.hasSuffix("_amount"), let number = Double(String(decoding: value, as: UTF8.self)) else {
                return nil
            }
            return Array("\(number)".utf8)
        },
        .values("time_rewritten", "times are written in another form") { _, value in
            PercentCorruptions.isTime(value) ? Array(value[..<10] + [UInt8(ascii: "T")] + value[11...]) : nil
        },
        .text("json_rewritten", "JSON is printed with blanks") { text in
            text.hasPrefix("[{") ? text.replacing(",", with: ", ").replacing(":", with: " : ") : text
        },
        .wire("capture_edges", "the capture ends with a line end") { $0 + [0x0D, 0x0A] },
        .wire("capture_edges", "the capture is quoted") { [0x27] + $0 + [0x27, 0x0A] },
        .wire("capture_with_headers", "the capture is a whole request") {
            Array("POST /notify/cplife HTTP/1.1\r\nHost: pay.example.com\r\n\r\n".utf8) + $0
        },
        .wire("capture_with_headers", "the capture is an address") {
            Array("https://pay.example.com/notify?".utf8) + $0
        },
        Spoiling(name: "capture_decoded", what: "the capture is decoded") { parameters, _ in
            let decoded = Array(parameters.map { $0.name + [UInt8(ascii: "=")] + $0.value }.joined(separator: [0x26]))
            return (try? FormBody(parsing: decoded))?.parameters.elementsEqual(parameters) { $0 == $1 } == true
                ? nil : decoded
        },
        Spoiling(name: "capture_json", what: "the capture is JSON") { parameters, _ in
            let texts = parameters.map {
                (String(validating: $0.name, as: UTF8.self), String(validating: $0.value, as: UTF8.self))
            }
            guard texts.allSatisfy({ $0.1 != nil }) else { return nil }
            var line = JSONWriter()
            line.object { json in
                for (name, value) in texts {
                    json.element(raw: (JSONWriter.string(name ?? "") + ":" + JSONWriter.string(value ?? "")).utf8)
                }
            }
            return line.bytes
        },
        Spoiling(name: "capture_lines", what: "the capture has a parameter a line") { parameters, _ in
            let lines = parameters.map { $0.name + Array(": ".utf8) + $0.value }
            return lines.contains { $0.contains(0x0A) } ? nil : Array(lines.joined(separator: [0x0A]))
        },
        .form("sign_broken_up", "sign is broken into lines") { parameters in
            for index in parameters.indices where parameters[index].name.elementsEqual("sign".utf8) {
                parameters[index].value.insert(0x0A, at: 76)
            }
        },
        .form("sign_broken_up", "sign is quoted") { parameters in
            for index in parameters.indices where parameters[index].name.elementsEqual("sign".utf8) {
                parameters[index].value = [0x22] + parameters[index].value + [0x22]
            }
        },
        .form("sign_url_safe", "sign is in the alphabet of addresses") { parameters in
            for index in parameters.indices where parameters[index].name.elementsEqual("sign".utf8) {
                parameters[index].value = parameters[index].value.map {
                    $0 == UInt8(ascii: "+") ? UInt8(ascii: "-") : $0 == UInt8(ascii: "/") ? UInt8(ascii: "_") : $0
                }
            }
        },
        .form("sign_unpadded", "sign has lost its padding") { parameters in
            for index in parameters.indices where parameters[index].name.elementsEqual("sign".utf8) {
                parameters[index].value.removeAll { $0 == UInt8(ascii: "=") }
            }
        },
    ]

    @Test("Each corruption of each vector is named, and alone", arguments: spoilings)
    func named(spoiling: Spoiling) throws {
        var applied = 0
        for good in DoctorCase.good {
            guard let body = try spoiling.body(of: good.body) else { continue }
            let diagnosis = try good.diagnose(body)
            // What still verifies was not spoiled.
            guard diagnosis.verdict != .verified else { continue }
            applied += 1
            #expect(
                diagnosis.names == [spoiling.name],
                "\(good.vector.id): \(diagnosis.names) \(diagnosis.findings.map(\.places))")
            #expect(diagnosis.verdict == .explained)
        }
        #expect(applied > 0)
    }

    @Test(
        "A message that verifies is said to, with its key, form and algorithm", arguments: DoctorCase.good.map(\.vector)
    )
    func verified(vector: NotificationVector) throws {
        let good = DoctorCase(vector: vector)
        let diagnosis = try good.diagnose(good.body)
        #expect(diagnosis.verdict == .verified)
        #expect(diagnosis.signer?.owner == .alipay)
        #expect(diagnosis.form?.rawValue == vector.canonicalMode)
        #expect(diagnosis.algorithm?.rawValue == vector.signType)
        #expect(diagnosis.findings.isEmpty && diagnosis.difference == nil && diagnosis.refusal == nil)
    }
}
