import HTTPTypes
import Hummingbird
import NIOCore

/// An error of the API as `application/problem+json` (RFC 9457). `type` is stable and meant for programs.
struct Problem: Error, Sendable {
    let status: HTTPResponse.Status
    /// The last part of the problem's type, such as `feed-forked`.
    let name: String
    let title: String
    let detail: String
    var headers: [(HTTPField.Name, String)] = []

    static func invalid(_ parameter: String, _ expected: String) -> Problem {
        Problem(
            status: .badRequest, name: "invalid-parameter", title: "A parameter is not valid",
            detail: "\(parameter): \(expected)")
    }

    static let unauthorized = Problem(
        status: .unauthorized, name: "unauthorized", title: "A bearer token is needed",
        detail: "send Authorization: Bearer TOKEN; `settled tokens create` makes one",
        headers: [(.wwwAuthenticate, "Bearer")])

    static let forbidden = Problem(
        status: .forbidden, name: "forbidden", title: "The token's scope is not enough",
        detail: "this needs a token with a wider scope")

    static func notFound(_ what: String) -> Problem {
        Problem(status: .notFound, name: "not-found", title: "Not found", detail: what)
    }

    static func notAllowed(_ methods: String) -> Problem {
        Problem(
            status: .methodNotAllowed, name: "method-not-allowed", title: "The method is not allowed here",
            detail: "allowed: \(methods)", headers: [(.allow, methods)])
    }

    static let unavailable = Problem(
        status: .serviceUnavailable, name: "unavailable", title: "The database cannot be reached",
        detail: "try again in a few seconds", headers: [(.retryAfter, "5")])

    var response: Response {
        var fields: HTTPFields = [.contentType: "application/problem+json", .cacheControl: "no-store"]
        for (name, value) in headers { fields[name] = value }
        let text =
            #"{"type":"urn:problem-type:settled:\#(name)","title":\#(quoted(title)),"status":\#(status.code),"#
            + #""detail":\#(quoted(detail))}"#
        return Response(status: status, headers: fields, body: .init(byteBuffer: ByteBuffer(string: text)))
    }

    private func quoted(_ text: String) -> String {
        var quoted = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"", "\\": quoted += "\\\(scalar)"
            case _ where scalar.value < 0x20 || scalar.value == 0x7F: quoted += " "
            default: quoted.unicodeScalars.append(scalar)
            }
        }
        return quoted + "\""
    }
}
