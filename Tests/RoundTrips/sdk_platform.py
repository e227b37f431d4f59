"""The platform's side of the wire, played by SDKs that other people wrote.

`serve` answers the gateway's calls and TOP's: each call's signature is checked by the SDK, each answer is signed by it.
`notify` posts signed notifications and has the SDK check the acknowledgement. `ask` calls a gateway with the SDK's client.

Nothing of settled is imported here: what both sides agree on, they agree on over the wire.
"""

import argparse
import base64
import json
import subprocess
import sys
import urllib.parse
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from xml.etree import ElementTree


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def traditional(path):
    """The private key as PKCS#1, which is the only form that the official SDK reads."""
    done = subprocess.run(["openssl", "rsa", "-in", path, "-traditional"], capture_output=True, check=True)
    return done.stdout.decode()


class Official:
    """alipay-sdk-python and topsdk, both published by the platforms themselves."""

    def __init__(self, scene):
        self.scene = scene
        self.alipay_key = traditional(scene["alipay_private_key"])
        self.app_key = read(scene["app_public_key"])

    def content(self, params):
        from alipay.aop.api.util.SignatureUtils import get_sign_content

        return get_sign_content(params)

    def sign(self, text, charset="utf-8"):
        from alipay.aop.api.util.SignatureUtils import sign_with_rsa2

        return sign_with_rsa2(self.alipay_key, text, charset)

    def verifies(self, text, sign, charset="utf-8"):
        from alipay.aop.api.util.SignatureUtils import verify_with_rsa

        return verify_with_rsa(self.app_key, text.encode(charset), sign)

    def top_sign(self, secret, params):
        from top.api.base import sign

        return sign(secret, params) if params["sign_method"] == "md5" else None

    def ask(self, gateway, method, content, token=None):
        from alipay.aop.api.AlipayClientConfig import AlipayClientConfig
        from alipay.aop.api.DefaultAlipayClient import DefaultAlipayClient

        config = AlipayClientConfig()
        config.server_url = gateway
        config.app_id = self.scene["app_id"]
        config.app_private_key = traditional(self.scene["app_private_key"])
        config.alipay_public_key = read(self.scene["alipay_public_key"])
        config.charset = "utf-8"

        class Request:
            """What the SDK's generated request classes have in common; one for this API left its package in 2022."""

            need_encrypt = False

            def get_params(self):
                params = {"method": method, "version": "1.0", "biz_content": content}
                return {**params, "app_auth_token": token} if token else params

            def get_multipart_params(self):
                return {}

        # execute() fails on an address with a port (it adds the number to a text), so its two halves are called here.
        client = DefaultAlipayClient(config)
        query, params = client._DefaultAlipayClient__prepare_request(Request())
        body = urllib.parse.urlencode(params).encode()
        with urllib.request.urlopen(gateway + "?" + query, body, timeout=30) as reply:
            return json.loads(client._DefaultAlipayClient__parse_response(reply.read()))


class Community:
    """python-alipay-sdk and taobaopy: written by others, on other libraries."""

    def __init__(self, scene):
        from alipay import AliPay

        self.platform = AliPay(
            scene["app_id"],
            app_private_key_string=read(scene["alipay_private_key"]),
            alipay_public_key_string=read(scene["app_public_key"]),
        )

    def content(self, params):
        return "&".join("{}={}".format(k, v) for k, v in self.platform._ordered_data(dict(params)))

    def sign(self, text, charset="utf-8"):
        if charset != "utf-8":
            raise ValueError("this SDK signs UTF-8 alone")
        return self.platform._sign(text)

    def verifies(self, text, sign, charset="utf-8"):
        return charset == "utf-8" and self.platform._verify(text, sign)

    def top_sign(self, secret, params):
        if params["sign_method"] != "hmac":
            return None
        import hashlib
        import hmac

        from taobaopy.taobao import ensure_binary

        # taobaopy's sign() takes the time of its own clock; its words are used with the caller's parameters.
        text = "".join(["{}{}".format(k, params[k]) for k in sorted(params.keys())])
        return hmac.new(ensure_binary(secret), ensure_binary(text), digestmod=hashlib.md5).hexdigest().upper()


class Gateway(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    sdk = scene = journal = None

    def log_message(self, *_):
        pass

    def note(self, **event):
        self.journal.write(json.dumps(event, ensure_ascii=False) + "\n")
        self.journal.flush()

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        address = urllib.parse.urlsplit(self.path)
        pairs = urllib.parse.parse_qsl(address.query) + urllib.parse.parse_qsl(body.decode())
        params = dict(pairs)
        if len(params) != len(pairs):
            return self.answer(json.dumps({"error_response": {"code": "40002", "msg": "a parameter came twice"}}))
        if address.path == "/gateway.do":
            self.alipay(params)
        else:
            self.top(params)

    # -- Alipay

    def alipay(self, params):
        sign = params.pop("sign")
        verified = self.sdk.verifies(self.sdk.content({k: v for k, v in params.items() if v}), sign)
        method = params["method"]
        self.note(api=method, verified=bool(verified), sn=params.get("app_cert_sn"))
        subject = json.loads(params["biz_content"])
        node = self.node(method, subject) if verified else {
            "code": "40002", "msg": "Invalid Arguments", "sub_code": "isv.invalid-signature", "sub_msg": "验签出错"}
        text = json.dumps(node, ensure_ascii=False, separators=(",", ":"))
        name = method.replace(".", "_") + "_response"
        self.answer('{"%s":%s,"sign":"%s"}' % (name, text, self.sdk.sign(text)))

    def node(self, method, subject):
        if method == "alipay.eco.cplife.pay.result.query":
            for trade in self.scene["trades"]:
                if subject.get("trade_no") == trade["trade_no"]:
                    return {"code": "10000", "msg": "Success", **trade}
            return {"code": "40004", "msg": "Business Failed", "sub_code": "PAY_INFO_NOT_EXISTING",
                    "sub_msg": "在线物业缴费系统不存在指定的交易信息"}
        if method == "alipay.ebpp.pdeduct.sign.query":
            for agreement in self.scene.get("agreements", []):
                if subject.get("agreement_id") == agreement["agreement_id"] and \
                        subject.get("user_id") == agreement["user_id"]:
                    return {"code": "10000", "msg": "Success", **agreement}
            return {"code": "40004", "msg": "Business Failed", "sub_code": "DEDUCT_SIGN_INFO_NOT_EXIST",
                    "sub_msg": "协议不存在"}
        return {"code": "40002", "msg": "Invalid Arguments", "sub_code": "isv.invalid-method", "sub_msg": "不存在的方法名"}

    # -- TOP

    def top(self, params):
        sign = params.pop("sign")
        expected = self.sdk.top_sign(self.scene["top_secret"], params)
        verified = expected is not None and expected == sign
        self.note(api=params["method"], verified=verified, sign_method=params["sign_method"])
        if not verified:
            return self.answer(json.dumps({"error_response": {
                "code": 25, "msg": "Invalid signature", "sub_code": "isv.invalid-signature", "request_id": "r"}}))
        asked = json.loads(params["param"])
        for order in self.scene.get("orders", []):
            if order["biz_order_id"] == asked["biz_order_id"] and order["pay_biz_code"] == asked["pay_biz_code"]:
                module = dict(order)
                module["pay_details"] = {"sub_pay_bill_dto": order["pay_details"]}
                return self.answer(json.dumps({"alibaba_idle_agreement_pay_query_response": {
                    "result": {"success": True, "module": module, "err_msg": "success"}, "request_id": "r"}}))
        self.answer(json.dumps({"alibaba_idle_agreement_pay_query_response": {
            "result": {"success": False, "err_code": "ORDER_NOT_EXIST", "err_msg": "订单不存在"}, "request_id": "r"}}))

    def answer(self, text):
        body = text.encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html;charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def serve(sdk, scene, journal):
    Gateway.sdk, Gateway.scene, Gateway.journal = sdk, scene, open(journal, "w", encoding="utf-8")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Gateway)
    Gateway.journal.write(json.dumps({"port": server.server_address[1]}) + "\n")
    Gateway.journal.flush()
    server.serve_forever()


def notify(sdk, scene, url):
    """Announces every trade; says for each whether it was acknowledged with a signature that the SDK accepts."""
    for trade in scene["trades"]:
        params = {
            "body": trade["biz_entity_id"],
            "charset": "utf-8",
            "det_list": "|".join(bill["bill_entry_id"] for bill in trade["assoc_bill_details"]),
            "notify_time": trade["gmt_payment"],
            "refund_fee": "",
            "seller_id": trade["seller_id"],
            "service": "alipay.industry.car.appid.invoke",
            "sign_type": "RSA2",
            "total_amount": trade["total_amount"],
            "trade_no": trade["trade_no"],
            "trade_status": trade["trade_status"],
        }
        form = urllib.parse.urlencode({**params, "sign": sdk.sign(sdk.content(params))}).encode()
        with urllib.request.urlopen(url, form, timeout=30) as reply:
            answer = ElementTree.fromstring(reply.read())
        text, sign = answer.findtext("response"), answer.findtext("sign")
        good = text == '{"econotify":"success"}' and bool(sdk.verifies(text, sign))
        print(json.dumps({"trade_no": trade["trade_no"], "acknowledged": good}))


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("role", choices=["serve", "notify", "ask"])
    arguments.add_argument("--sdk", choices=["official", "community"], required=True)
    arguments.add_argument("--scene", required=True)
    arguments.add_argument("--journal")
    arguments.add_argument("--url")
    arguments.add_argument("--method")
    arguments.add_argument("--content")
    arguments.add_argument("--token")
    given = arguments.parse_args()
    scene = json.loads(read(given.scene))
    sdk = Official(scene) if given.sdk == "official" else Community(scene)
    if given.role == "serve":
        serve(sdk, scene, given.journal)
    elif given.role == "notify":
        notify(sdk, scene, given.url)
    else:
        print(json.dumps(sdk.ask(given.url, given.method, given.content, given.token), ensure_ascii=False))


if __name__ == "__main__":
    sys.exit(main())
