//! IAM Access Analyzer's unused access analyzers, read.

use std::future::Future;

use aws_config::SdkConfig;
use aws_sdk_accessanalyzer::Client;
use aws_sdk_accessanalyzer::primitives::DateTime;
use aws_sdk_accessanalyzer::types::{
    AnalyzerConfiguration, AnalyzerStatus, AnalyzerSummary, Criterion, FindingDetails, FindingStatus, FindingSummaryV2,
    FindingType, Type,
};
use credwarden_credential::age::Days;
use credwarden_credential::kind::{CredentialId, CredentialKind};
use credwarden_inventory::calls::read_error;
use credwarden_inventory::read::{Failure, Marker, Page, ReadError};
use credwarden_policy::unused_access::Window;
use jiff::Timestamp;

/// Findings of a page.
const MAX_RESULTS: i32 = 100;

/// An active unused access analyzer, as a list shows it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Analyzer {
    /// Whether it looks at the whole organization. It belongs to an account of the organization's administrator.
    pub of_organization: bool,
    /// Its ARN.
    pub arn: String,
    /// Its name.
    pub name: String,
}

/// A finding on a credential, as a list shows it: without the credential's id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The finding's id.
    pub id: String,
    /// The ARN of the user.
    pub user: String,
    /// The kind of the credential.
    pub kind: CredentialKind,
    /// Whether somebody has set it aside.
    pub is_archived: bool,
}

/// The calls of Access Analyzer that only read. A method returns after all retries.
pub trait ReadAnalyzer: Send + Sync {
    /// The analyzers of the account in one region; `None` for one that is none of unused access, or not active.
    fn list_analyzers(
        &self,
        marker: Option<Marker>,
    ) -> impl Future<Output = Result<Page<Option<Analyzer>>, ReadError>> + Send;

    /// What the analyzer looks for, which no list tells.
    fn get_analyzer(&self, analyzer: &Analyzer) -> impl Future<Output = Result<Window, ReadError>> + Send;

    /// The findings on access keys and passwords of the analyzer's own account that are not resolved.
    fn list_findings(
        &self,
        analyzer: &Analyzer,
        marker: Option<Marker>,
    ) -> impl Future<Output = Result<Page<Finding>, ReadError>> + Send;

    /// Which credential a finding is about, and when it was used last as the analyzer knows; `None`: never.
    fn get_finding(
        &self,
        analyzer: &Analyzer,
        finding: &Finding,
    ) -> impl Future<Output = Result<(CredentialId, Option<Timestamp>), ReadError>> + Send;
}

/// [`ReadAnalyzer`] by the calls of IAM Access Analyzer. `ListFindingsV2` is allowed by `access-analyzer:ListFindings`,
/// `GetFindingV2` by `access-analyzer:GetFinding` (IAM Access Analyzer API Reference).
#[derive(Clone, Debug)]
pub struct AccessAnalyzer(Client);

impl AccessAnalyzer {
    /// Reads with a client of this configuration: Access Analyzer is regional.
    pub fn of(config: &SdkConfig) -> Self {
        Self::new(Client::new(config))
    }

    /// Reads with the given client.
    pub fn new(client: Client) -> Self {
        Self(client)
    }
}

impl ReadAnalyzer for AccessAnalyzer {
    async fn list_analyzers(&self, marker: Option<Marker>) -> Result<Page<Option<Analyzer>>, ReadError> {
        let doing = "list analyzers";
        let request = self.0.list_analyzers().set_next_token(marker.map(|marker| marker.0));
        let output = request.send().await.map_err(|error| read_error(doing, error))?;
        Ok(Page { items: output.analyzers.iter().map(analyzer).collect(), next: next(output.next_token) })
    }

    async fn get_analyzer(&self, analyzer: &Analyzer) -> Result<Window, ReadError> {
        let doing = format!("get analyzer `{}`", analyzer.arn);
        let request = self.0.get_analyzer().analyzer_name(&analyzer.name);
        let output = request.send().await.map_err(|error| read_error(&doing, error))?;
        output.analyzer.as_ref().and_then(window).ok_or_else(|| implausible(&doing))
    }

    async fn list_findings(&self, analyzer: &Analyzer, marker: Option<Marker>) -> Result<Page<Finding>, ReadError> {
        let doing = format!("list findings of `{}`", analyzer.arn);
        let any_of = |values: &[&str]| values.iter().fold(Criterion::builder(), |any, value| any.eq(*value)).build();
        // The fifth part of an ARN is its account: an organization's analyzer tells of others too.
        let account = analyzer.arn.split(':').nth(4).unwrap_or_default();
        let kinds = [FindingType::UnusedIamUserAccessKey, FindingType::UnusedIamUserPassword];
        let statuses = [FindingStatus::Active, FindingStatus::Archived];
        let output = self
            .0
            .list_findings_v2()
            .analyzer_arn(&analyzer.arn)
            .filter("findingType", any_of(&kinds.each_ref().map(FindingType::as_str)))
            .filter("status", any_of(&statuses.each_ref().map(FindingStatus::as_str)))
            .filter("resourceOwnerAccount", any_of(&[account]))
            .max_results(MAX_RESULTS)
            .set_next_token(marker.map(|marker| marker.0))
            .send()
            .await
            .map_err(|error| read_error(&doing, error))?;
        let items = output.findings.iter().map(|one| finding(one).ok_or_else(|| implausible(&doing)));
        Ok(Page { items: items.collect::<Result<_, _>>()?, next: next(output.next_token) })
    }

    async fn get_finding(
        &self,
        analyzer: &Analyzer,
        finding: &Finding,
    ) -> Result<(CredentialId, Option<Timestamp>), ReadError> {
        let doing = format!("get finding `{}` of `{}`", finding.id, analyzer.arn);
        let request = self.0.get_finding_v2().analyzer_arn(&analyzer.arn).id(&finding.id);
        let output = request.send().await.map_err(|error| read_error(&doing, error))?;
        let details = output.finding_details.iter().find_map(details);
        details.filter(|(credential, _)| credential.kind() == finding.kind).ok_or_else(|| implausible(&doing))
    }
}

fn implausible(doing: &str) -> ReadError {
    ReadError::new(Failure::Implausible, doing)
}

fn next(token: Option<String>) -> Option<Marker> {
    token.filter(|token| !token.is_empty()).map(Marker)
}

fn at(time: DateTime) -> Option<Timestamp> {
    Timestamp::from_second(time.secs()).ok()
}

fn analyzer(one: &AnalyzerSummary) -> Option<Analyzer> {
    let of_organization = match one.r#type {
        Type::AccountUnusedAccess => false,
        Type::OrganizationUnusedAccess => true,
        _ => return None,
    };
    let analyzer = Analyzer { of_organization, arn: one.arn.clone(), name: one.name.clone() };
    (one.status == AnalyzerStatus::Active).then_some(analyzer)
}

fn window(one: &AnalyzerSummary) -> Option<Window> {
    let Some(AnalyzerConfiguration::UnusedAccess(unused)) = &one.configuration else { return None };
    Some(Window {
        age: Days(u32::try_from(unused.unused_access_age?).ok()?),
        created: at(one.created_at)?,
        leaves_some_out: unused.analysis_rule.as_ref().is_some_and(|rule| !rule.exclusions().is_empty()),
    })
}

fn finding(one: &FindingSummaryV2) -> Option<Finding> {
    let kind = match one.finding_type.as_ref()? {
        FindingType::UnusedIamUserAccessKey => CredentialKind::AccessKey,
        FindingType::UnusedIamUserPassword => CredentialKind::ConsolePassword,
        _ => return None,
    };
    let is_archived = one.status == FindingStatus::Archived;
    Some(Finding { id: one.id.clone(), user: one.resource.clone()?, kind, is_archived })
}

fn details(details: &FindingDetails) -> Option<(CredentialId, Option<Timestamp>)> {
    match details {
        FindingDetails::UnusedIamUserAccessKeyDetails(key) => {
            Some((CredentialId::AccessKey(key.access_key_id.parse().ok()?), key.last_accessed.and_then(at)))
        }
        FindingDetails::UnusedIamUserPasswordDetails(password) => {
            Some((CredentialId::ConsolePassword, password.last_accessed.and_then(at)))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_accessanalyzer::operation::get_analyzer::GetAnalyzerOutput;
    use aws_sdk_accessanalyzer::operation::get_finding_v2::GetFindingV2Output;
    use aws_sdk_accessanalyzer::operation::list_analyzers::ListAnalyzersOutput;
    use aws_sdk_accessanalyzer::operation::list_findings_v2::ListFindingsV2Output;
    use aws_sdk_accessanalyzer::types::{
        ResourceType, UnusedAccessConfiguration, UnusedIamUserAccessKeyDetails, UnusedIamUserPasswordDetails,
    };
    use aws_smithy_mocks::{Rule, RuleMode, mock, mock_client};

    use super::*;

    const ARN: &str = "arn:aws:access-analyzer:eu-west-1:123456789012:analyzer/one";
    const USER: &str = "arn:aws:iam::123456789012:user/alice";

    fn client(rule: &Rule) -> AccessAnalyzer {
        AccessAnalyzer::new(mock_client!(aws_sdk_accessanalyzer, RuleMode::Sequential, &[rule]))
    }

    fn of_account() -> Analyzer {
        Analyzer { of_organization: false, arn: ARN.to_owned(), name: "one".to_owned() }
    }

    fn summary(of_type: Type, status: AnalyzerStatus) -> AnalyzerSummary {
        let summary = AnalyzerSummary::builder().arn(ARN).name("one").r#type(of_type).status(status);
        summary.created_at(DateTime::from_secs(1_790_000_000)).build().unwrap()
    }

    fn listed(kind: FindingType, status: FindingStatus) -> FindingSummaryV2 {
        let at = DateTime::from_secs(1_790_000_000);
        let summary = FindingSummaryV2::builder().id("f-1").resource(USER).finding_type(kind).status(status);
        let summary = summary.analyzed_at(at).created_at(at).updated_at(at);
        summary.resource_type(ResourceType::AwsIamUser).resource_owner_account("123456789012").build().unwrap()
    }

    fn finding(kind: CredentialKind) -> Finding {
        Finding { id: "f-1".to_owned(), user: USER.to_owned(), kind, is_archived: false }
    }

    fn details_of(details: FindingDetails) -> Rule {
        mock!(Client::get_finding_v2).match_requests(|request| request.id() == Some("f-1")).then_output(move || {
            let at = DateTime::from_secs(1_790_000_000);
            let output = GetFindingV2Output::builder().id("f-1").analyzed_at(at).created_at(at).updated_at(at);
            let output = output.resource_type(ResourceType::AwsIamUser).resource_owner_account("123456789012");
            output.status(FindingStatus::Active).finding_details(details.clone()).build().unwrap()
        })
    }

    #[tokio::test]
    async fn only_an_active_analyzer_of_unused_access_is_one() {
        let rule = mock!(Client::list_analyzers).then_output(|| {
            let all = [
                summary(Type::Account, AnalyzerStatus::Active),
                summary(Type::AccountUnusedAccess, AnalyzerStatus::Creating),
                summary(Type::AccountUnusedAccess, AnalyzerStatus::Active),
            ];
            ListAnalyzersOutput::builder().set_analyzers(Some(all.to_vec())).next_token("t").build().unwrap()
        });
        let page = client(&rule).list_analyzers(None).await.unwrap();
        assert_eq!(page, Page { items: vec![None, None, Some(of_account())], next: Some(Marker("t".to_owned())) });
    }

    #[tokio::test]
    async fn an_analyzer_without_a_window_makes_no_sense() {
        let of = |age| {
            let rule = mock!(Client::get_analyzer).match_requests(|request| request.analyzer_name() == Some("one"));
            rule.then_output(move || {
                let unused = UnusedAccessConfiguration::builder().set_unused_access_age(age).build();
                let mut analyzer = summary(Type::AccountUnusedAccess, AnalyzerStatus::Active);
                analyzer.configuration = Some(AnalyzerConfiguration::UnusedAccess(unused));
                GetAnalyzerOutput::builder().analyzer(analyzer).build()
            })
        };
        let created = Timestamp::from_second(1_790_000_000).unwrap();
        let window = client(&of(Some(90))).get_analyzer(&of_account()).await.unwrap();
        assert_eq!(window, Window { age: Days(90), created, leaves_some_out: false });
        let error = client(&of(None)).get_analyzer(&of_account()).await.unwrap_err();
        assert_eq!(error.failure, Failure::Implausible);
    }

    #[tokio::test]
    async fn findings_of_credentials_of_the_account_are_asked_for_in_the_largest_pages() {
        let rule = mock!(Client::list_findings_v2)
            .match_requests(|request| {
                let Some(filter) = request.filter() else { return false };
                let any_of = |key: &str| filter.get(key).map(|one| one.eq().join(" ")).unwrap_or_default();
                request.analyzer_arn() == Some(ARN)
                    && filter.len() == 3
                    && any_of("findingType") == "UnusedIAMUserAccessKey UnusedIAMUserPassword"
                    && any_of("status") == "ACTIVE ARCHIVED"
                    && any_of("resourceOwnerAccount") == "123456789012"
                    && request.max_results() == Some(100)
                    && request.next_token() == Some("t")
            })
            .then_output(|| {
                let key = listed(FindingType::UnusedIamUserAccessKey, FindingStatus::Active);
                let password = listed(FindingType::UnusedIamUserPassword, FindingStatus::Archived);
                ListFindingsV2Output::builder().findings(key).findings(password).build().unwrap()
            });
        let page = client(&rule).list_findings(&of_account(), Some(Marker("t".to_owned()))).await.unwrap();
        let archived = Finding { is_archived: true, ..finding(CredentialKind::ConsolePassword) };
        assert_eq!(page, Page { items: vec![finding(CredentialKind::AccessKey), archived], next: None });
    }

    #[tokio::test]
    async fn details_tell_which_credential_and_must_be_of_the_kind_that_was_listed() {
        let key = UnusedIamUserAccessKeyDetails::builder().access_key_id("AKIAIOSFODNN7EXAMPLE").build().unwrap();
        let rule = details_of(FindingDetails::UnusedIamUserAccessKeyDetails(key));
        let told = client(&rule).get_finding(&of_account(), &finding(CredentialKind::AccessKey)).await.unwrap();
        assert_eq!(told, ("AKIAIOSFODNN7EXAMPLE".parse().unwrap(), None));
        let used = DateTime::from_secs(1_780_000_000);
        let password = UnusedIamUserPasswordDetails::builder().last_accessed(used).build();
        let details = FindingDetails::UnusedIamUserPasswordDetails(password);
        let rule = details_of(details.clone());
        let told = client(&rule).get_finding(&of_account(), &finding(CredentialKind::ConsolePassword)).await.unwrap();
        assert_eq!(told, (CredentialId::ConsolePassword, Timestamp::from_second(1_780_000_000).ok()));
        let rule = details_of(details);
        let error = client(&rule).get_finding(&of_account(), &finding(CredentialKind::AccessKey)).await.unwrap_err();
        assert_eq!(error.failure, Failure::Implausible);
    }
}
