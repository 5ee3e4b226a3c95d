//! What the function refuses, and how it says so.

use anyhow::{Context as _, Result};
use credwarden_e2e::rule::{
    FIRST_DAY, HOUR, RULE, all_is_well, count_since, deployed, evaluate, evaluate_in_vain, expected, failure, options,
    passes, report, verdicts,
};
use credwarden_estate::estate::{Estate, age_days};
use credwarden_sandbox::config::Compliance::{Compliant, NonCompliant};
use credwarden_sandbox::sandbox::Sandbox;
use serde_json::{Value, json};

fn estate() -> Estate {
    Estate::new(FIRST_DAY).user("old").key(age_days(100)).user("young").key(age_days(3))
}

/// A new event as AWS Config makes it, changed.
fn event(sandbox: &Sandbox, change: impl FnOnce(&mut Value)) -> Result<Value> {
    let begun = sandbox.config().begin(RULE, sandbox.now())?.pop().context("an event")?;
    let mut event = begun.event;
    change(&mut event);
    Ok(event)
}

/// The same with a change of the event in the event.
fn with_invoking(sandbox: &Sandbox, change: impl FnOnce(&mut Value)) -> Result<Value> {
    let mut outer = event(sandbox, |_| {})?;
    let text = outer.get("invokingEvent").and_then(Value::as_str).context("an invoking event")?;
    let mut inner: Value = serde_json::from_str(text)?;
    change(&mut inner);
    put(&mut outer, "invokingEvent", json!(inner.to_string()));
    Ok(outer)
}

fn put(object: &mut Value, field: &str, value: Value) {
    object.as_object_mut().and_then(|members| members.insert(field.to_owned(), value));
}

fn take(object: &mut Value, field: &str) {
    object.as_object_mut().and_then(|members| members.remove(field));
}

#[tokio::test]
async fn an_event_that_is_not_understood_is_refused_by_rule_and_field() -> Result<()> {
    let sandbox = deployed(options(), &estate()).await?;
    let mut refused = Vec::new();
    for field in [
        "version",
        "invokingEvent",
        "resultToken",
        "eventLeftScope",
        "executionRoleArn",
        "configRuleArn",
        "configRuleId",
        "accountId",
    ] {
        refused.push((event(&sandbox, |event| take(event, field))?, vec![RULE, field, "missing"]));
        refused.push((event(&sandbox, |event| put(event, field, json!(7)))?, vec![RULE, field]));
    }
    refused.push((event(&sandbox, |event| take(event, "configRuleName"))?, vec!["unknown rule", "configRuleName"]));
    for field in ["messageType", "notificationCreationTime", "awsAccountId", "recordVersion"] {
        refused.push((with_invoking(&sandbox, |inner| take(inner, field))?, vec![RULE, "invokingEvent", field]));
    }
    let no_json = event(&sandbox, |event| put(event, "invokingEvent", json!("{\"messageType\":")))?;
    refused.push((no_json, vec![RULE, "invokingEvent"]));
    for other in ["ConfigurationItemChangeNotification", "OversizedConfigurationItemChangeNotification", "Later"] {
        let event = with_invoking(&sandbox, |inner| put(inner, "messageType", json!(other)))?;
        refused.push((event, vec![RULE, other]));
    }
    // A limit in the rule's parameters would be a second place of limits.
    for parameters in [json!({ "maxAccessKeyAge": "30" }), json!({ "CREDWARDEN_POLICY_PARAMETER": "/another" })] {
        let name = parameters.as_object().and_then(|members| members.keys().next().cloned()).unwrap_or_default();
        let event = event(&sandbox, |event| put(event, "ruleParameters", json!(parameters.to_string())))?;
        let error = failure(&sandbox.invoke(RULE, &event).await?)?;
        assert!(error.message.contains(RULE) && error.message.contains(&name), "{}", error.message);
    }
    for whole in [json!(null), json!([]), json!("{}"), json!({})] {
        refused.push((whole, vec!["unknown rule"]));
    }

    for (event, said) in refused {
        let error = failure(&sandbox.invoke(RULE, &event).await?)?;
        assert_eq!(error.kind, "EventRefused");
        assert!(said.iter().all(|word| error.message.contains(word)), "{said:?}: {}", error.message);
    }
    assert!(sandbox.calls().is_empty(), "nothing was read, let alone reported");
    evaluate(&sandbox).await?;
    assert_eq!(verdicts(&sandbox), expected(&[("old", NonCompliant), ("young", Compliant)]));
    assert_eq!(sandbox.functions().started(), 1, "the process outlives every refusal");
    all_is_well(&sandbox).await
}

#[tokio::test]
async fn a_time_that_the_event_claims_orders_results_and_moves_nothing() -> Result<()> {
    let sandbox = deployed(options(), &estate()).await?;
    let claims = |time: &'static str| {
        with_invoking(&sandbox, move |inner| {
            for field in ["notificationCreationTime", "now", "asOf"] {
                put(inner, field, json!(time));
            }
        })
    };
    report(&sandbox.invoke(RULE, &claims("2031-01-01T00:00:00.000Z")?).await?)?;
    assert_eq!(verdicts(&sandbox), expected(&[("old", NonCompliant), ("young", Compliant)]));
    report(&sandbox.invoke(RULE, &claims("2020-01-01T00:00:00.000Z")?).await?)?;
    assert_eq!(verdicts(&sandbox), expected(&[("old", NonCompliant), ("young", Compliant)]));
    let finished = passes(&sandbox).await?;
    let finished = finished.pointer("/complete/finished").and_then(Value::as_str).context("a complete pass")?;
    assert!(finished.starts_with("2026-11-24T08:"), "{finished}");
    all_is_well(&sandbox).await
}

#[tokio::test]
async fn a_policy_that_cannot_be_used_fails_loudly_and_reports_nothing() -> Result<()> {
    let sandbox = deployed(options(), &estate()).await?;
    evaluate(&sandbox).await?;
    let (results, complete) = (sandbox.compliance(RULE), passes(&sandbox).await?);
    let good = sandbox.deployed_policy()?;
    let changed = |pointer: &str, value: Value| {
        let mut policy = good.clone();
        if let Some(place) = policy.pointer_mut(pointer) {
            *place = value;
        }
        policy.to_string()
    };
    let mut unknown_field = good.clone();
    put(&mut unknown_field, "limit", json!({}));
    let unusable = [
        ("maxAgeDays: 90".to_owned(), "policy"),
        (String::from("{}"), "policy"),
        (changed("/format", json!(2)), "format"),
        (unknown_field.to_string(), "limit"),
        (changed("/limits/default/access-key/warnDays", json!(90)), "warnDays"),
        (format!("{good}{}", " ".repeat(8_193)), "8192"),
    ];
    let begun = sandbox.calls().len();
    sandbox.advance(HOUR).await?;
    for (policy, said) in unusable {
        sandbox.set_policy(&policy).await.with_context(|| format!("a policy of {} bytes", policy.len()))?;
        let error = evaluate_in_vain(&sandbox).await?;
        assert_eq!(error.kind, "RuleFailed");
        assert!(error.message.contains(RULE) && error.message.contains(said), "{said}: {}", error.message);
    }
    let name = "/credwarden/policy";
    let region = &sandbox.deployment().scope.region;
    sandbox.emulator().json(region, "AmazonSSM.DeleteParameter", &json!({ "Name": name })).await?;
    let error = evaluate_in_vain(&sandbox).await?;
    assert!(error.message.contains(RULE) && error.message.contains(name), "{}", error.message);

    assert_eq!(count_since(&sandbox, begun, "config:PutEvaluations"), 0);
    assert_eq!(sandbox.compliance(RULE), results);
    assert_eq!(passes(&sandbox).await?, complete);
    sandbox.set_policy(&good.to_string()).await?;
    evaluate(&sandbox).await?;
    all_is_well(&sandbox).await
}
