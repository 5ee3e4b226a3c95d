"""An AWS Config rule about access keys as such rules are usually written: every user is asked for, one after the other,
and everything is reported each time.

The parameter `check` of the rule says what is judged: `age` (keys older than 90 days), `unused` (keys not used for 45
days), the limits of Credwarden's default policy, or `creator` (keys that nobody is known to have created who may).
"""

import json
from datetime import datetime, timedelta, timezone

import boto3

MAX_AGE = timedelta(days=90)
UNUSED = timedelta(days=45)
CREATOR = "provisioning"
BATCH = 100

iam = boto3.client("iam")
config = boto3.client("config")
cloudtrail = boto3.client("cloudtrail")


def lambda_handler(event, _context):
    check = json.loads(event["ruleParameters"])["check"]
    invoking_event = json.loads(event["invokingEvent"])
    now = datetime.now(timezone.utc)
    evaluations = []
    for page in iam.get_paginator("list_users").paginate():
        for user in page["Users"]:
            compliance, annotation = evaluate(user["UserName"], check, now)
            evaluation = {
                "ComplianceResourceType": "AWS::IAM::User",
                "ComplianceResourceId": user["UserId"],
                "ComplianceType": compliance,
                "OrderingTimestamp": invoking_event["notificationCreationTime"],
            }
            if annotation:
                evaluation["Annotation"] = annotation[:256]
            evaluations.append(evaluation)
    for start in range(0, len(evaluations), BATCH):
        config.put_evaluations(Evaluations=evaluations[start : start + BATCH], ResultToken=event["resultToken"])
    return {"evaluations": len(evaluations)}


def evaluate(user_name, check, now):
    for page in iam.get_paginator("list_access_keys").paginate(UserName=user_name):
        for key in page["AccessKeyMetadata"]:
            if key["Status"] != "Active":
                continue
            if check == "age" and now - key["CreateDate"] > MAX_AGE:
                return "NON_COMPLIANT", f"Access key {key['AccessKeyId']} is older than {MAX_AGE.days} days"
            if check == "unused":
                used = iam.get_access_key_last_used(AccessKeyId=key["AccessKeyId"])["AccessKeyLastUsed"]
                if now - used.get("LastUsedDate", key["CreateDate"]) > UNUSED:
                    return "NON_COMPLIANT", f"Access key {key['AccessKeyId']} is unused for {UNUSED.days} days"
            if check == "creator" and not created_by_the_creator(key["AccessKeyId"]):
                return "NON_COMPLIANT", f"Access key {key['AccessKeyId']} was not created by {CREATOR}"
    return "COMPLIANT", None


def created_by_the_creator(key_id):
    attribute = {"AttributeKey": "ResourceName", "AttributeValue": key_id}
    for page in cloudtrail.get_paginator("lookup_events").paginate(LookupAttributes=[attribute]):
        for event in page["Events"]:
            if event["EventName"] == "CreateAccessKey":
                issuer = json.loads(event["CloudTrailEvent"])["userIdentity"].get("sessionContext", {})
                return issuer.get("sessionIssuer", {}).get("userName") == CREATOR
    return False
