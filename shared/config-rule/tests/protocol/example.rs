//! The example of a rule for changes answers events.

use std::time::Duration;

use credwarden_config_rule::{Compliance, OnChange, Report, Resource, evaluate};
use serde_json::{Value, json};

use crate::{changes::changed, memory::Memory, owner_tag::OwnerTag, scripted::now};

const BUCKET: &str = "AWS::S3::Bucket";

async fn invoke(change: impl FnOnce(&mut Value)) -> (Report, Vec<(Resource, Compliance, String)>) {
    let service = Memory::default();
    let mut event = changed(|item| {
        item["resourceType"] = BUCKET.into();
        item["resourceId"] = "logs".into();
        change(item);
    });
    event["ruleParameters"] = r#"{"tag":"owner"}"#.into();
    let report = evaluate(&OnChange(OwnerTag), &service, &event, now(), Duration::from_secs(200)).await.unwrap();
    let sent = service.puts.take().into_iter().flat_map(|put| put.evaluations);
    (report, sent.map(|it| (it.resource, it.compliance, it.annotation.as_str().to_owned())).collect())
}

#[tokio::test]
async fn a_bucket_is_judged_by_its_tags_when_it_changes() {
    let logs = Resource::new(BUCKET, "logs").unwrap();
    let (report, sent) = invoke(|bucket| bucket["tags"] = json!({ "team": "blue" })).await;
    assert_eq!((report.sent, report.non_compliant), (1, 1));
    assert_eq!(sent, [(logs.clone(), Compliance::NonCompliant, "no tag owner".to_owned())]);
    let (_, sent) = invoke(|bucket| bucket["tags"] = json!({ "owner": "blue" })).await;
    assert_eq!(sent, [(logs.clone(), Compliance::Compliant, String::new())]);
    let (report, sent) = invoke(|bucket| bucket["configurationItemStatus"] = "ResourceDeleted".into()).await;
    assert_eq!((report.taken_back, sent), (1, vec![(logs, Compliance::NotApplicable, String::new())]));
}
