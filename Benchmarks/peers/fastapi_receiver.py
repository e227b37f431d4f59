"""A receiver as a Python team would write it: FastAPI, Alipay's official SDK, asyncpg, one durable INSERT a
notification."""

import contextlib
import json
import os
from urllib.parse import parse_qsl

import asyncpg
from alipay.aop.api.util.SignatureUtils import get_sign_content, verify_with_rsa
from fastapi import FastAPI, Request, Response

KEY = "".join(line for line in open(os.environ["ALIPAY_PUBLIC_KEY"]).read().splitlines() if "-----" not in line)
INSERT = (
    "INSERT INTO plain_jobs (dedupe_key, kind, payload) VALUES ($1, 'query', $2::jsonb) "
    "ON CONFLICT (dedupe_key) DO NOTHING"
)
pools = {}


@contextlib.asynccontextmanager
async def lifespan(_):
    pools["main"] = await asyncpg.create_pool(os.environ["DSN"], min_size=4, max_size=16)
    yield
    await pools["main"].close()


app = FastAPI(lifespan=lifespan)


@app.post("/notify/trade")
async def notify(request: Request):
    parameters = dict(parse_qsl((await request.body()).decode(), keep_blank_values=True))
    unsigned = {name: value for name, value in parameters.items() if name not in ("sign", "sign_type") and value}
    try:
        verified = verify_with_rsa(KEY, get_sign_content(unsigned).encode(), parameters.get("sign", ""))
    except Exception:  # the SDK raises what its RSA library raises
        verified = False
    if not verified:
        return Response("fail", 400)
    await pools["main"].execute(INSERT, "notify:" + parameters["notify_id"], json.dumps(parameters, ensure_ascii=False))
    return Response("success", media_type="text/plain")
