#!/usr/bin/env bash
# Makes the throw-away Python environments of the round trips, one for each pair of SDKs: both of Alipay's install a
# package named `alipay`, so they cannot live together.
set -euo pipefail
folder=${1:?usage: environments.sh FOLDER}
make_one() {
    local name=$1
    shift
    if [ ! -x "$folder/$name/bin/python" ]; then
        python3 -m venv "$folder/$name" || {
            echo "Python's venv is missing: on Debian, apt-get install python3-venv" >&2
            exit 1
        }
    fi
    "$folder/$name/bin/pip" install --quiet --disable-pip-version-check "$@"
}
make_one official alipay-sdk-python==3.7.1411 topsdk==20.4.21.40
make_one community python-alipay-sdk==3.4.0 taobaopy==6.0.1 requests six
