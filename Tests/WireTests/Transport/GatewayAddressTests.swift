import Testing
import Wire

@testable import Wire

@Suite struct GatewayAddressTests {
    @Test(arguments: [
        "https://openapi.alipay.com/gateway.do", "https://openapi-sandbox.dl.alipaydev.com/gateway.do",
        "https://openapi.alipay.com", "https://openapi.alipay.com:8443/x", "https://10.0.0.1/gateway.do",
        "https://[2001:db8::1]:8443/gateway.do",
        "http://127.0.0.1:8081/gateway.do", "http://127.255.0.9/", "http://localhost:1",
        "http://[::1]:65535/gateway.do",
        "http://LocalHost/x",
    ])
    func `a gateway is reached by https, or by http on this machine`(url: String) throws {
        #expect(try GatewayAddress(url).url == url)
    }

    @Test(arguments: [
        "", "openapi.alipay.com", "ftp://127.0.0.1/", "HTTPS://openapi.alipay.com/", "https:/openapi.alipay.com",
        "https://",
        "https:///gateway.do", "http://openapi.alipay.com/gateway.do", "http://10.0.0.1/", "http://192.168.0.1/",
        "http://0.0.0.0/", "http://169.254.169.254/", "http://128.0.0.1/", "http://[::]/", "http://[::ffff:7f00:1]/",
        "http://[fe80::1]/", "http://127.1/", "http://0177.0.0.1/", "http://127.0.0.01/", "http://127.0.0.256/",
        "http://127.0.0.1.example.com/", "http://localhost.example.com/", "http://localhost./", "http://2130706433/",
        "http://127.0.0.1@example.com/", "https://user:word@openapi.alipay.com/", "http://127.0.0.1\\@example.com/",
        "http://example.com#@127.0.0.1/", "http://127.0.0.1:80@example.com/", "http://[::1]example.com/",
        "https://openapi.alipay.com/gateway.do?x=1", "https://openapi.alipay.com/#x", "https://openapi.alipay.com /",
        "https://openapi.alipay.com\r\nHost: x/", "https://openapi.alipay.com:0/", "https://openapi.alipay.com:65536/",
        "https://openapi.alipay.com:/", "https://openapi.alipay.com:8a/", "https://a:1:2/", "https://[::1",
        "https://[x]/",
        "https://open api/", "https://支付宝/", "http://１２７.0.0.1/",
    ])
    func `every other way to write it is refused`(url: String) {
        #expect(throws: GatewayAddressError.self) { try GatewayAddress(url) }
    }
}
