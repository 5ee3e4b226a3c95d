"""moto in one process on a free port of 127.0.0.1, with what it differs in from AWS mended.

Prints one line of JSON when it listens: `port`, and `libfaketime`, the path of that library. Ends when its standard
input closes, that is with whoever started it.

POST /_clock    {"offset": seconds}  real time plus this is now
POST /_seed     a seed               replaces users and groups
POST /_reset                         empties everything
POST /_hazards  see `hazards.py`     how far behind the truth to answer
POST /_use      {"key", "service", "region"}  somebody uses an access key now
POST /_sign_in  {"user"}             somebody signs in at the console with a password now
POST /_check    a request to AWS     checks it against its service's model, without executing it
POST /_truth                         users and groups as they truly are
POST /_secrets                       secret keys and passwords that users have now
POST /_violations                    requests that AWS's service models refuse
POST /_rotations                     rotations of secrets that were asked for since this was asked last
"""

import io
import json
import os
import sys
import threading
import time
import uuid
from xml.sax.saxutils import escape

# Read by moto while it is imported: `AdministratorAccess` and the like exist.
os.environ["MOTO_IAM_LOAD_MANAGED_POLICIES"] = "true"

import libfaketime  # noqa: E402
from moto.moto_api._internal.models import moto_api_backend  # noqa: E402
from moto.moto_server.werkzeug_app import (  # noqa: E402
    DomainDispatcherApplication,
    MotoRequestHandler,
    create_backend_app,
)
from werkzeug.serving import make_server  # noqa: E402

import account  # noqa: E402
import clock  # noqa: E402
import hazards  # noqa: E402
import mended_iam  # noqa: E402
import mended_secrets  # noqa: E402
import service_models  # noqa: E402

_moto = DomainDispatcherApplication(create_backend_app)
_violations: list[dict] = []
# moto undoes a cancelled transaction by putting back whole tables, together with what others wrote meanwhile.
_one_at_a_time = threading.Lock()


class _Handler(MotoRequestHandler):
    def log(self, type: str, message: str, *args: object) -> None:
        if type == "error":
            super().log(type, message, *args)


def _application(environ: dict, start_response):
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    path = environ["PATH_INFO"]
    if path.startswith("/_") and path != "/_check":
        return _control(path, body, start_response)
    refusal = _check(environ, body)
    if refusal:
        status, content_type, text = refusal
        start_response(status, [("Content-Type", content_type), ("x-amzn-errortype", "ValidationException")])
        return [text.encode()]
    if path == "/_check":
        start_response("204 No Content", [])
        return []
    environ["wsgi.input"] = io.BytesIO(body)
    with _one_at_a_time:
        return list(_moto(environ, start_response))


def _control(path: str, body: bytes, start_response):
    asked = json.loads(body) if body else {}
    with _one_at_a_time:
        return _answer_control(path, asked, start_response)


def _answer_control(path: str, asked: dict, start_response):
    answer: object = {}
    if path == "/_clock":
        clock.move(asked["offset"])
        answer = {"now": time.time()}
    elif path == "/_seed":
        account.fill(asked)
        mended_iam.forget()
    elif path == "/_reset":
        moto_api_backend.reset()
        mended_iam.forget()
        mended_secrets.forget()
        hazards.set_all({})
        _violations.clear()
    elif path == "/_hazards":
        hazards.set_all(asked)
    elif path == "/_use":
        key = account.find_key(asked["key"])
        if key is None:
            start_response("404 Not Found", [("Content-Type", "text/plain")])
            return [f"no user has the access key `{asked['key']}`".encode()]
        account.uses_of(key).append({"at": int(time.time()), "service": asked["service"], "region": asked["region"]})
    elif path == "/_sign_in":
        user = account.backend().users.get(asked["user"])
        if user is None or not user.password:
            start_response("404 Not Found", [("Content-Type", "text/plain")])
            return [f"no user `{asked['user']}` has a password".encode()]
        account.sign_ins(user).append({"at": int(time.time())})
    elif path == "/_truth":
        answer = account.truth()
    elif path == "/_secrets":
        answer = account.secrets()
    elif path == "/_violations":
        answer = _violations
    elif path == "/_rotations":
        answer = mended_secrets.begun()
    else:
        start_response("404 Not Found", [("Content-Type", "text/plain")])
        return [f"no `{path}` here".encode()]
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(answer).encode()]


def _check(environ: dict, body: bytes) -> tuple[str, str, str] | None:
    """AWS's refusal of a request that its service's model does not allow. Recorded for the tests to see."""
    request = service_models.check(
        environ.get("HTTP_AUTHORIZATION", ""), environ.get("HTTP_X_AMZ_TARGET", ""), body
    )
    if request is None or not request.problems:
        return None
    action = f"{request.service}:{request.operation}"
    _violations.append({"action": action, "problems": request.problems})
    message = "; ".join(request.problems)
    if request.service in service_models.QUERY_SERVICES:
        text = (
            "<ErrorResponse><Error><Type>Sender</Type><Code>ValidationError</Code>"
            f"<Message>{escape(message)}</Message></Error><RequestId>{uuid.uuid4()}</RequestId></ErrorResponse>"
        )
        return "400 Bad Request", "text/xml", text
    text = json.dumps({"__type": "ValidationException", "message": message})
    return "400 Bad Request", "application/x-amz-json-1.1", text


def _end_with_starter() -> None:
    sys.stdin.buffer.read()
    os._exit(0)


def main() -> None:
    mended_iam.mend()
    mended_secrets.mend()
    server = make_server("127.0.0.1", 0, _application, threaded=True, request_handler=_Handler)
    threading.Thread(target=_end_with_starter, daemon=True).start()
    library = os.path.join(os.path.dirname(libfaketime.__file__), "vendor/libfaketime/src/libfaketime.so.1")
    print(json.dumps({"port": server.server_port, "libfaketime": library}), flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
