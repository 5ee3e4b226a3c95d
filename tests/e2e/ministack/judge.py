"""MiniStack's judgement of roles: makes each role, acts in it, and tells which calls it is denied.

Reads from standard input {"account", "users": [{"name", "path"}], "roles": {name: {policy: document}},
"calls": [{"action", "parameters"}]} and prints {role: [whether each call is denied]}. The account's number is replaced by MiniStack's own.
"""

import json
import os
import socket
import subprocess
import sys
import tempfile
import time

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

_ACCOUNT = "000000000000"
_REGION = "us-east-1"
_PATIENCE_SECONDS = 60
# IAM's name of an action where the API's differs.
_OPERATIONS = {"lambda:InvokeFunction": "Invoke"}
# SNS has a code of its own.
_DENIED = ("AccessDenied", "AccessDeniedException", "AuthorizationError")


def main() -> None:
    text = sys.stdin.read()
    asked = json.loads(text.replace(json.loads(text)["account"], _ACCOUNT))
    with tempfile.TemporaryDirectory() as folder, socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        port = reserved.getsockname()[1]
        reserved.close()
        with open(os.path.join(folder, "log"), "w", encoding="utf-8") as log:
            server = subprocess.Popen([sys.executable, "-m", "ministack"], env=_environment(port, folder), stdout=log, stderr=log)
            try:
                _wait(server, port, log.name)
                print(json.dumps(_judge(f"http://127.0.0.1:{port}", asked)))
            finally:
                server.kill()
                server.wait()


def _environment(port: int, folder: str) -> dict:
    # Without these it listens on every interface, and on a second port.
    own = {"AUTH": "true", "BIND_HOST": "127.0.0.1", "IOT_MTLS_ENABLED": "0", "GATEWAY_PORT": str(port), "HOME": folder}
    return {**os.environ, **own, "TMPDIR": folder}


def _wait(server: subprocess.Popen, port: int, log: str) -> None:
    end = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            if server.poll() is not None or time.monotonic() > end:
                with open(log, encoding="utf-8") as said:
                    sys.exit(f"MiniStack does not listen:\n{said.read()}")
            time.sleep(0.1)


class Caller:
    """Calls in the name of one set of credentials."""

    def __init__(self, endpoint: str, key: str, secret: str, token: str | None = None) -> None:
        self._session = boto3.Session(key, secret, token, _REGION)
        self._endpoint = endpoint
        self._clients: dict = {}

    def client(self, service: str):
        if service not in self._clients:
            config = Config(parameter_validation=False, retries={"total_max_attempts": 1})
            self._clients[service] = self._session.client(service, endpoint_url=self._endpoint, config=config)
        return self._clients[service]

    def is_denied(self, action: str, parameters: dict) -> bool:
        """Whether the call is denied; what else may become of it does not matter."""
        service, name = action.split(":")
        client, operation = self.client(service), _OPERATIONS.get(action, name)
        shape = client.meta.service_model.operation_model(operation).input_shape
        known = {name: value for name, value in parameters.items() if shape is not None and name in shape.members}
        try:
            client._make_api_call(operation, known)
        except ClientError as error:
            return error.response["Error"]["Code"] in _DENIED
        return False


def _judge(endpoint: str, asked: dict) -> dict:
    admin = Caller(endpoint, "test", "test")
    iam, sts = admin.client("iam"), admin.client("sts")
    for user in asked["users"]:
        iam.create_user(UserName=user["name"], Path=user["path"])
    principal = {"AWS": f"arn:aws:iam::{_ACCOUNT}:root"}
    trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}]}
    told = {}
    for role, policies in asked["roles"].items():
        iam.create_role(RoleName=role, AssumeRolePolicyDocument=json.dumps(trust))
        for name, document in policies.items():
            iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=json.dumps(document))
        arn = f"arn:aws:iam::{_ACCOUNT}:role/{role}"
        given = sts.assume_role(RoleArn=arn, RoleSessionName="judged")["Credentials"]
        caller = Caller(endpoint, given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])
        told[role] = [caller.is_denied(call["action"], call["parameters"]) for call in asked["calls"]]
    return told


if __name__ == "__main__":
    main()
