use serde_json::{Value, json};

use super::{Deployment, RemediationValue, Scope};

fn scope() -> Scope {
    Scope { account: "123456789012".to_owned(), region: "us-east-1".to_owned(), stack: "Stack".to_owned() }
}

fn deploy(resources: &Value) -> anyhow::Result<Deployment> {
    Deployment::parse(&json!({ "Resources": resources }), scope())
}

fn role() -> Value {
    json!({
        "Type": "AWS::IAM::Role",
        "Properties": {
            "Path": "/made/",
            "AssumeRolePolicyDocument": { "Statement": [
                { "Effect": "Allow", "Action": "sts:AssumeRole", "Principal": { "Service": "lambda.amazonaws.com" } }
            ] },
        },
    })
}

fn function() -> Value {
    json!({
        "Type": "AWS::Lambda::Function",
        "Properties": {
            "FunctionName": { "Fn::Join": ["-", ["credwarden", "age"]] },
            "Code": { "S3Bucket": { "Fn::Sub": "assets-${AWS::AccountId}" }, "S3Key": "a.zip" },
            "Handler": "bootstrap",
            "Runtime": "provided.al2023",
            "Role": { "Fn::GetAtt": ["Role", "Arn"] },
            "Timeout": 290,
            "Environment": { "Variables": { "TABLE": { "Ref": "Ledger" } } },
        },
    })
}

fn ledger() -> Value {
    json!({
        "Type": "AWS::DynamoDB::Table",
        "Properties": {
            "TableName": "ledger",
            "AttributeDefinitions": [], "KeySchema": [],
            "TimeToLiveSpecification": { "AttributeName": "expires_at", "Enabled": true },
        },
    })
}

fn error(resources: &Value) -> String {
    format!("{:#}", deploy(resources).expect_err("the template must be refused"))
}

#[test]
fn references_are_resolved_to_names_and_arns() {
    let deployment = deploy(&json!({ "Role": role(), "Age": function(), "Ledger": ledger() })).unwrap();
    let function = &deployment.functions["credwarden-age"];
    assert_eq!(function.role_arn, "arn:aws:iam::123456789012:role/made/Stack-Role");
    assert_eq!(function.environment["TABLE"], "ledger");
    assert_eq!(function.timeout.as_secs(), 290);
    assert_eq!(deployment.roles[&function.role_arn].trusted_services, ["lambda.amazonaws.com"]);
    assert_eq!(deployment.tables["ledger"].expires_by.as_deref(), Some("expires_at"));
}

#[test]
fn an_unmodelled_type_is_an_error_that_names_it() {
    let text = error(&json!({ "Topic": { "Type": "AWS::Kinesis::Stream" } }));
    assert!(text.contains("`Topic` (AWS::Kinesis::Stream)") && text.contains("not modelled"), "{text}");
}

#[test]
fn an_unmodelled_property_is_an_error_that_names_it() {
    let mut function = function();
    function["Properties"]["Layers"] = json!([]);
    let text = error(&json!({ "Role": role(), "Age": function, "Ledger": ledger() }));
    assert!(text.contains("`Age` (AWS::Lambda::Function)") && text.contains("`Layers`"), "{text}");
}

#[test]
fn a_nested_unmodelled_property_is_an_error_that_names_it() {
    let mut table = ledger();
    table["Properties"]["TimeToLiveSpecification"]["Sooner"] = json!(true);
    let text = error(&json!({ "Ledger": table }));
    assert!(text.contains("`TimeToLiveSpecification`") && text.contains("`Sooner`"), "{text}");
}

#[test]
fn a_reference_to_nothing_is_an_error() {
    let text = error(&json!({ "Age": function(), "Ledger": ledger() }));
    assert!(text.contains("`Role` is neither a resource nor a parameter"), "{text}");
}

#[test]
fn a_resource_whose_condition_fails_is_not_deployed() {
    let template = json!({
        "Conditions": {
            "Elsewhere": { "Fn::Equals": [{ "Ref": "AWS::Region" }, "eu-west-1"] },
            "Here": { "Fn::Not": [{ "Condition": "Elsewhere" }] },
        },
        "Resources": {
            "Off": { "Type": "AWS::SSM::Parameter", "Condition": "Elsewhere",
                     "Properties": { "Name": "/off", "Type": "String", "Value": "x" } },
            "On": { "Type": "AWS::SSM::Parameter", "Condition": "Here",
                    "Properties": { "Name": "/on", "Type": "String",
                                    "Value": { "Fn::If": ["Elsewhere", "there", { "Fn::Select": [1, ["a", "b"]] }] },
                                    "Description": { "Ref": "AWS::NoValue" } } },
        },
    });
    let deployment = Deployment::parse(&template, scope()).unwrap();
    assert_eq!(deployment.parameters.keys().collect::<Vec<_>>(), ["/on"]);
    assert_eq!(deployment.parameters["/on"].value, "b");
    assert!(deployment.parameters["/on"].request.get("Description").is_none());
}

#[test]
fn a_parameter_too_long_for_its_tier_is_refused() {
    let parameter = |tier: &str, bytes: usize| {
        json!({ "P": { "Type": "AWS::SSM::Parameter",
                       "Properties": { "Name": "/p", "Type": "String", "Tier": tier, "Value": "x".repeat(bytes) } } })
    };
    assert!(deploy(&parameter("Advanced", 8_192)).is_ok());
    assert!(error(&parameter("Advanced", 8_193)).contains("8193 bytes"));
    assert!(error(&parameter("Standard", 4_097)).contains("holds 4096"));
}

#[test]
fn a_policy_written_apart_belongs_to_its_role() {
    let policy = json!({
        "Type": "AWS::IAM::Policy",
        "Properties": { "PolicyName": "extra", "Roles": [{ "Ref": "Role" }], "PolicyDocument": { "Statement": [] } },
    });
    let deployment = deploy(&json!({ "Role": role(), "Policy": policy })).unwrap();
    let role = deployment.roles.values().next().unwrap();
    assert_eq!(role.policies[0].0, "extra");
}

#[test]
fn a_remediation_passes_what_its_parameters_say() {
    let remediation = |attempts: u64| {
        json!({ "R": { "Type": "AWS::Config::RemediationConfiguration", "Properties": {
            "ConfigRuleName": "age", "TargetType": "SSM_DOCUMENT", "TargetId": "document", "Automatic": true,
            "MaximumAutomaticAttempts": attempts, "RetryAttemptSeconds": 1,
            "Parameters": { "ResourceId": { "ResourceValue": { "Value": "RESOURCE_ID" } },
                            "Name": { "StaticValue": { "Values": ["x"] } } },
        } } })
    };
    let deployment = deploy(&remediation(25)).unwrap();
    let parameters = &deployment.remediations["age"].parameters;
    assert_eq!(parameters["ResourceId"], RemediationValue::ResourceId);
    assert_eq!(parameters["Name"], RemediationValue::Static(vec!["x".to_owned()]));
    assert!(error(&remediation(26)).contains("from 1 to 25"));
}

#[test]
fn a_rule_of_eventbridge_waits_for_time_or_for_events() {
    let rule = |properties: Value| json!({ "Rule": { "Type": "AWS::Events::Rule", "Properties": properties } });
    let targets = json!([{ "Arn": "arn:f", "Id": "Target0" }]);
    let pattern = json!({ "source": ["aws.iam"] });
    let waits = deploy(&rule(json!({ "Name": "creations", "EventPattern": pattern, "Targets": targets }))).unwrap();
    assert_eq!((waits.schedules.len(), waits.event_rules.len()), (0, 1));
    assert!(waits.event_rules[0].pattern.matches(&json!({ "source": "aws.iam" })));
    let off = json!({ "EventPattern": pattern, "Targets": targets, "State": "DISABLED" });
    assert!(deploy(&rule(off)).unwrap().event_rules.is_empty());
    let timed = deploy(&rule(json!({ "ScheduleExpression": "rate(1 hour)", "Targets": targets }))).unwrap();
    assert_eq!((timed.schedules.len(), timed.event_rules.len()), (1, 0));

    let other = json!({ "source": [{ "wildcard": "aws.*" }] });
    assert!(error(&rule(json!({ "EventPattern": other, "Targets": targets }))).contains("wildcard"));
    let shaped = json!([{ "Arn": "arn:f", "Id": "Target0", "InputPath": "$.detail" }]);
    assert!(error(&rule(json!({ "EventPattern": pattern, "Targets": shaped }))).contains("`InputPath`"));
    assert!(error(&rule(json!({ "Targets": targets }))).contains("either"));
}

#[test]
fn an_event_that_a_function_fails_on_is_kept_where_the_template_says() {
    let kept = |config: Value| {
        let queue = json!({ "Type": "AWS::SQS::Queue", "Properties": { "QueueName": "failed" } });
        let mut properties = json!({ "FunctionName": { "Ref": "Age" }, "Qualifier": "$LATEST" });
        properties.as_object_mut().unwrap().extend(config.as_object().unwrap().clone());
        let config = json!({ "Type": "AWS::Lambda::EventInvokeConfig", "Properties": properties });
        let resources =
            json!({ "Role": role(), "Age": function(), "Ledger": ledger(), "Failed": queue, "Config": config });
        deploy(&resources).map(|deployment| deployment.async_invocations["credwarden-age"].clone())
    };
    let queue = json!({ "OnFailure": { "Destination": { "Fn::GetAtt": ["Failed", "Arn"] } } });
    let config = kept(json!({ "MaximumRetryAttempts": 1, "DestinationConfig": queue })).unwrap();
    assert_eq!((config.retries, config.on_failure.as_deref()), (1, Some("arn:aws:sqs:us-east-1:123456789012:failed")));
    assert_eq!(kept(json!({})).unwrap().on_failure, None);
    for refused in [json!({ "MaximumRetryAttempts": 3 }), json!({ "DestinationConfig": { "OnSuccess": {} } })] {
        assert!(kept(refused).is_err());
    }
}
