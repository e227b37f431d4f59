"""Signed notifications and the signed answers of the gateway to them, as Alipay would write them.

Every body is one payment of its own: its trade number, amount and room differ. One in four carries characters beyond
ASCII and `+ & =` inside a value, so that a reader who takes short cuts fails to verify it.
"""

import base64
import json
import multiprocessing
import os
import random
import subprocess
import sys
from urllib.parse import quote_plus

APP = "2021000000000001"
SELLER = "2088000000000002"


class Signer:
    """Alipay's key of `folder`."""

    def __init__(self, folder):
        # Only the environment that the comparison makes for itself has this package; who imports this module for the
        # keys or the names does not need it.
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.asymmetric import padding

        with open(f"{folder}/alipay.pem", "rb") as file:
            self.key = serialization.load_pem_private_key(file.read(), None)
        self.algorithm = padding.PKCS1v15(), hashes.SHA256()

    def sign(self, text):
        return base64.b64encode(self.key.sign(text.encode(), *self.algorithm)).decode()


def notification(signer, number, chance):
    amount = f"{chance.randint(1, 999_999) / 100:.2f}"
    parameters = {
        "notify_id": f"n{number:031d}",
        "notify_time": "2026-11-20 22:07:12",
        "notify_type": "trade_status_sync",
        "app_id": APP,
        "charset": "utf-8",
        "version": "1.0",
        "sign_type": "RSA2",
        "trade_no": f"20261120220014{number:014d}",
        "out_trade_no": f"{chance.getrandbits(60):020d}",
        "buyer_user_id": f"2088{chance.randrange(10**12):012d}",
        "seller_id": SELLER,
        "trade_status": "TRADE_SUCCESS",
        "total_amount": amount,
        "subject": f"物业费 A+B & C=D {number}" if number % 4 == 0 else f"fee {number}",
    }
    text = "&".join(f"{name}={parameters[name]}" for name in sorted(parameters) if name != "sign_type")
    parameters["sign"] = signer.sign(text)
    return parameters, amount


def answer(signer, parameters, amount, number):
    node = json.dumps(
        {
            "code": "10000",
            "msg": "Success",
            "trade_no": parameters["trade_no"],
            "buyer_user_id": parameters["buyer_user_id"],
            "buyer_logon_id": "138****8000",
            "seller_id": SELLER,
            "trade_status": "TRADE_SUCCESS",
            "total_amount": amount,
            "biz_entity_id": f"R{number:012d}|C{number % 1000:06d}|3-2-{number % 3000}",
            "biz_type": "00",
            "gmt_payment": "2026-11-20 22:07:11",
            "fund_bill_list": [{"amount": amount, "fund_channel": "ALIPAYACCOUNT"}],
            "assoc_bill_details": [
                {
                    "cost_type": "WY",
                    "bill_entry_id": f"WY{number:012d}",
                    "acct_period": "2026-11",
                    "bill_entry_amount": amount,
                }
            ],
        },
        ensure_ascii=False,
        separators=(",", ":"),
    )
    return f'{{"alipay_eco_cplife_pay_result_query_response":{node},"sign":"{signer.sign(node)}"}}'


def part(task):
    folder, first, last = task
    signer = Signer(folder)
    chance = random.Random(first)
    bodies, answers = [], []
    for number in range(first, last):
        parameters, amount = notification(signer, number, chance)
        bodies.append("&".join(f"{quote_plus(name)}={quote_plus(value)}" for name, value in parameters.items()))
        answers.append(f"{parameters['trade_no']}\t{answer(signer, parameters, amount, number)}")
    return bodies, answers


def keys(folder):
    """Writes alipay.pem, alipay_public.pem, app.pem and app_public.pem into `folder`."""
    for name in ("alipay", "app"):
        subprocess.run(
            [
                "openssl",
                "genpkey",
                "-algorithm",
                "RSA",
                "-pkeyopt",
                "rsa_keygen_bits:2048",
                "-out",
                f"{folder}/{name}.pem",
            ],
            check=True,
            capture_output=True,
        )
        subprocess.run(
            ["openssl", "pkey", "-in", f"{folder}/{name}.pem", "-pubout", "-out", f"{folder}/{name}_public.pem"],
            check=True,
            capture_output=True,
        )


def make(folder, count, first=0, processes=4):
    """Writes bodies.txt and answers.tsv of the payments `first`… into `folder`, signed with alipay.pem."""
    step, end = max(1, count // (processes * 8)), first + count
    tasks = [(folder, start, min(start + step, end)) for start in range(first, end, step)]
    with (
        multiprocessing.Pool(processes) as pool,
        open(f"{folder}/bodies.txt", "w") as bodies,
        open(f"{folder}/answers.tsv", "w") as answers,
    ):
        for some_bodies, some_answers in pool.imap(part, tasks):
            bodies.write("\n".join(some_bodies) + "\n")
            answers.write("\n".join(some_answers) + "\n")


if __name__ == "__main__":
    folder, count, *first = sys.argv[1:]
    if not os.path.exists(f"{folder}/alipay.pem"):
        keys(folder)
    make(folder, int(count), *map(int, first))
