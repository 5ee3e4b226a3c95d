use aws_sdk_config::{
    Client,
    primitives::DateTime,
    types::{
        ComplianceType, ConfigurationItem as SdkItem, Evaluation as SdkEvaluation, EvaluationResult,
        Relationship as SdkRelationship, ResourceType,
    },
};
use jiff::Timestamp;
use tracing::warn;

use crate::{
    AccountId, Compliance, CompliancePage, ConfigService, ConfigurationItem, Evaluation, ItemStatus, PutEvaluations,
    Relationship, Resource, ServiceError, StoredResult, item::from_text,
};

/// How many results a page has, the most that `GetComplianceDetailsByConfigRule` gives (service model).
const PAGE_LIMIT: i32 = 100;

impl ConfigService for Client {
    async fn put_evaluations(&self, report: PutEvaluations<'_>) -> Result<Vec<Resource>, ServiceError> {
        let ordering_timestamp = date_time(report.ordering_timestamp);
        let evaluations = report
            .evaluations
            .iter()
            .map(|evaluation| sdk_evaluation(evaluation, ordering_timestamp))
            .collect::<Result<_, _>>()?;
        let answer = self
            .put_evaluations()
            .result_token(report.result_token.reveal())
            .set_evaluations(Some(evaluations))
            .set_test_mode(report.result_token.is_test().then_some(true))
            .send()
            .await?;
        let failed = answer.failed_evaluations().iter();
        Ok(failed
            .map(|failed| Resource::new(failed.compliance_resource_type(), failed.compliance_resource_id()))
            .collect::<Result<_, _>>()?)
    }

    async fn compliance_details(
        &self,
        config_rule_name: &str,
        next_token: Option<String>,
    ) -> Result<CompliancePage, ServiceError> {
        let page = self
            .get_compliance_details_by_config_rule()
            .config_rule_name(config_rule_name)
            .compliance_types(ComplianceType::Compliant)
            .compliance_types(ComplianceType::NonCompliant)
            .limit(PAGE_LIMIT)
            .set_next_token(next_token)
            .send()
            .await?;
        let results = page.evaluation_results().iter().filter_map(stored_result).collect();
        // An empty token is no token: asking with one would be refused.
        let next_token = page.next_token().filter(|token| !token.is_empty()).map(str::to_owned);
        Ok(CompliancePage { results, next_token })
    }

    async fn configuration_item(
        &self,
        resource: &Resource,
        latest: Timestamp,
    ) -> Result<Option<ConfigurationItem>, ServiceError> {
        let page = self
            .get_resource_config_history()
            .resource_type(ResourceType::from(resource.kind()))
            .resource_id(resource.id())
            .later_time(date_time(latest))
            .limit(1)
            .send()
            .await?;
        page.configuration_items().first().map(configuration_item).transpose()
    }
}

/// Reads an item of a resource's history, in which parts are text that are objects in an event.
fn configuration_item(item: &SdkItem) -> Result<ConfigurationItem, ServiceError> {
    let missing = |field: &str| ServiceError::from(format!("field `{field}` of an item of the history is missing"));
    let kind = item.resource_type().map(ResourceType::as_str).ok_or_else(|| missing("resourceType"))?;
    let account = item.account_id().ok_or_else(|| missing("accountId"))?;
    Ok(ConfigurationItem {
        resource: Resource::new(kind, item.resource_id().ok_or_else(|| missing("resourceId"))?)?,
        name: item.resource_name().map(str::to_owned),
        arn: item.arn().map(str::to_owned),
        account_id: AccountId::parse(account)
            .ok_or("field `accountId` of an item of the history is not twelve digits")?,
        region: item.aws_region().ok_or_else(|| missing("awsRegion"))?.to_owned(),
        status: item
            .configuration_item_status()
            .map(|status| ItemStatus::from(status.as_str()))
            .ok_or_else(|| missing("configurationItemStatus"))?,
        capture_time: item
            .configuration_item_capture_time()
            .and_then(precise_timestamp)
            .ok_or_else(|| missing("configurationItemCaptureTime"))?,
        creation_time: item.resource_creation_time().and_then(precise_timestamp),
        tags: item.tags().into_iter().flatten().map(|(name, value)| (name.clone(), value.clone())).collect(),
        configuration: item.configuration().map(from_text).unwrap_or_default(),
        supplementary_configuration: item
            .supplementary_configuration()
            .into_iter()
            .flatten()
            .map(|(name, text)| (name.clone(), from_text(text)))
            .collect(),
        relationships: item.relationships().iter().filter_map(relationship).collect(),
    })
}

fn relationship(relationship: &SdkRelationship) -> Option<Relationship> {
    Some(Relationship {
        name: relationship.relationship_name()?.to_owned(),
        resource_type: relationship.resource_type()?.as_str().to_owned(),
        resource_id: relationship.resource_id().map(str::to_owned),
        resource_name: relationship.resource_name().map(str::to_owned),
    })
}

fn sdk_evaluation(evaluation: &Evaluation, ordering_timestamp: DateTime) -> Result<SdkEvaluation, ServiceError> {
    let annotation = (!evaluation.annotation.is_empty()).then(|| evaluation.annotation.to_string());
    Ok(SdkEvaluation::builder()
        .compliance_resource_type(evaluation.resource.kind())
        .compliance_resource_id(evaluation.resource.id())
        .compliance_type(match evaluation.compliance {
            Compliance::Compliant => ComplianceType::Compliant,
            Compliance::NonCompliant => ComplianceType::NonCompliant,
            Compliance::NotApplicable => ComplianceType::NotApplicable,
        })
        .set_annotation(annotation)
        .ordering_timestamp(ordering_timestamp)
        .build()?)
}

/// Reads one stored result. One that names no resource, or an answer that is not known, is left alone.
fn stored_result(result: &EvaluationResult) -> Option<(Resource, StoredResult)> {
    let identifier = result.evaluation_result_identifier();
    let qualifier = identifier.and_then(|identifier| identifier.evaluation_result_qualifier());
    let resource = qualifier.and_then(|qualifier| {
        Resource::new(qualifier.resource_type().unwrap_or_default(), qualifier.resource_id().unwrap_or_default()).ok()
    });
    let compliance = match result.compliance_type() {
        Some(ComplianceType::Compliant) => Some(Compliance::Compliant),
        Some(ComplianceType::NonCompliant) => Some(Compliance::NonCompliant),
        _ => None,
    };
    let (Some(resource), Some(compliance)) = (resource, compliance) else {
        warn!("left a stored result alone: it names no resource, or is neither compliant nor non-compliant");
        return None;
    };
    // Which of the two AWS Config moves when an equal result is reported again is not documented: the later holds.
    let ordered_at = identifier.and_then(|identifier| identifier.ordering_timestamp());
    let reported_at = ordered_at.and_then(timestamp).max(result.result_recorded_time().and_then(timestamp));
    let annotation = result.annotation().unwrap_or_default().to_owned();
    Some((resource, StoredResult { compliance, annotation, reported_at }))
}

fn date_time(timestamp: Timestamp) -> DateTime {
    DateTime::from_millis(timestamp.as_millisecond())
}

fn timestamp(date_time: &DateTime) -> Option<Timestamp> {
    Timestamp::from_second(date_time.secs()).ok()
}

fn precise_timestamp(date_time: &DateTime) -> Option<Timestamp> {
    date_time.to_millis().ok().and_then(|millis| Timestamp::from_millisecond(millis).ok())
}
