"""An S3 server on the loopback, for tests: moto, in memory, one request at a time, with users whose signatures it checks.

Says its port and the keys of a writer and of a reader on its first line, and answers each line of standard input:
`requests`, `uploads` (those that are not completed), `refuse METHOD WORD` (503 where the query has the word), `allow`, `flip KEY`
(one bit in the middle of an object).
Ends with its standard input.
"""

import json
import os
import sys
import threading

os.environ["INITIAL_NO_AUTH_ACTION_COUNT"] = "inf"
os.environ.update(AWS_ACCESS_KEY_ID="setup", AWS_SECRET_ACCESS_KEY="setup", AWS_DEFAULT_REGION="us-east-1")

import boto3
from moto import settings
from moto.iam.access_control import IAMRequestBase
from moto.s3.models import s3_backends
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

BUCKET = "mirror"
app, requests, refused = DomainDispatcherApplication(create_backend_app), [], []


signed = IAMRequestBase._create_aws_request


def signed_as_sent(request):
    """moto decodes the query before it compares signatures, so none of one with a slash would ever match."""
    aws_request = signed(request)
    aws_request.url = endpoint + asked_for
    return aws_request


IAMRequestBase._create_aws_request = signed_as_sent


def watched(environ, start_response):
    global asked_for
    asked_for = environ["RAW_URI"]
    method, path, query = (environ[key] for key in ("REQUEST_METHOD", "PATH_INFO", "QUERY_STRING"))
    if environ.get("HTTP_AUTHORIZATION", "").find("setup") < 0:
        requests.append(f"{method} {path}?{query}" + (f" {environ['HTTP_RANGE']}" if "HTTP_RANGE" in environ else ""))
    if any(method == wanted and word in query for wanted, word in refused):
        environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        start_response("503 Slow Down", [("Content-Length", "0")])
        return [b""]
    return app(environ, start_response)


server = make_server("127.0.0.1", 0, watched, threaded=False)
threading.Thread(target=server.serve_forever, daemon=True).start()
endpoint = f"http://127.0.0.1:{server.server_port}"
s3, iam = (boto3.client(service, endpoint_url=endpoint) for service in ("s3", "iam"))
s3.create_bucket(Bucket=BUCKET)


def user(name, actions):
    resources = [f"arn:aws:s3:::{BUCKET}", f"arn:aws:s3:::{BUCKET}/*"]
    statement = {"Effect": "Allow", "Action": actions, "Resource": resources}
    iam.create_user(UserName=name)
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_user_policy(UserName=name, PolicyName=name, PolicyDocument=policy)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return [key["AccessKeyId"], key["SecretAccessKey"]]


keys = {"writer": user("writer", ["s3:*"]), "reader": user("reader", ["s3:GetObject", "s3:ListBucket"])}
settings.INITIAL_NO_AUTH_ACTION_COUNT = 0
print(json.dumps({"port": server.server_port, **keys}), flush=True)

for line in sys.stdin:
    match line.split():
        case ["requests"]:
            answer = list(requests)
        case ["uploads"]:
            buckets = s3_backends["123456789012"]["aws"].buckets
            answer = [upload.key_name for upload in buckets[BUCKET].multiparts.values()]
        case ["refuse", method, word]:
            refused.append((method, word))
            answer = None
        case ["allow"]:
            refused.clear()
            answer = None
        case ["flip", key]:
            object = s3_backends["123456789012"]["aws"].buckets[BUCKET].keys[key]
            content = bytearray(object.value)
            content[len(content) // 2] ^= 1
            object.value, object._etag = bytes(content), None
            answer = None
    print(json.dumps(answer), flush=True)
