//! The function `record-creation`: writes into the ledger who made a credential usable, as it happens, and has the user
//! judged at once where whoever did it may not.
//!
//! `EventBridge` starts it with an event of `CloudTrail`, which may come twice, late and in any order. Recording comes first.
//! What may be a compromise starts the rule's own document on the user, which reads everything again and passes every guard;
//! nothing is decided here but whether to look. One that cannot be read or answered is an error: it is tried again, kept
//! in a queue and alarmed, and the rule's own look-up of the past finds it, too.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use anyhow::{Context as _, bail};
use credwarden_automation::{Automation, ClientToken, Documents};
use credwarden_creation::{Event, of_event_bridge};
use credwarden_credential::creation::Creation;
use credwarden_credential::id::{Arn, UserId};
use credwarden_inventory::calls::sdk_config;
use credwarden_inventory::iam::Iam;
use credwarden_inventory::parameter::{Parameters, ReadParameter};
use credwarden_inventory::read::{Failure, ReadIam};
use credwarden_ledger::Ledger;
use credwarden_ledger::dynamo::DynamoTable;
use credwarden_ledger::request::Document;
use credwarden_ledger::table::Table;
use credwarden_policy::policy::Policy;
use credwarden_user_rule::variable;
use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use serde_json::Value;
use tracing::info;
use unauthorized_key_creation::{RULE, is_suspect};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    lambda_runtime::tracing::init_default_subscriber();
    let settings = Settings {
        prefix: variable("CREDWARDEN_PREFIX")?,
        policy_parameter: variable("CREDWARDEN_POLICY_PARAMETER")?,
        remediation: variable("CREDWARDEN_REMEDIATION")?.parse()?,
        automation_role: variable("CREDWARDEN_AUTOMATION_ROLE_ARN")?,
        own_roles: Arn::set(&variable("CREDWARDEN_REMEDY_ROLE_ARNS")?)?,
    };
    let aws = sdk_config().await;
    let ports = Ports {
        ledger: Ledger::new(DynamoTable::new(&aws, variable("CREDWARDEN_LEDGER_TABLE")?)),
        parameters: Parameters::new(&aws),
        reader: Iam::of(&aws),
        documents: Automation::of(&aws),
    };
    let (ports, settings) = (&ports, &settings);
    lambda_runtime::run(service_fn(async |event: LambdaEvent<Value>| {
        Box::pin(listen(ports, settings, &event.payload)).await.map_err(|failed| {
            let (error_type, error) = match failed {
                Failed::Recording(error) => ("EventNotRecorded", error),
                Failed::Answering(error) => ("EventNotAnswered", error),
            };
            // With everything that led to it; the runtime logs it.
            Diagnostic { error_type: error_type.to_owned(), error_message: format!("{error:#}") }
        })
    }))
    .await
}

/// All that is read, written and started.
#[derive(Debug)]
struct Ports<T, P, R, D> {
    ledger: Ledger<T>,
    parameters: P,
    reader: R,
    documents: D,
}

/// What the deployment says, from the function's environment.
#[derive(Debug)]
struct Settings {
    prefix: String,
    policy_parameter: String,
    remediation: Remediation,
    automation_role: String,
    own_roles: BTreeSet<Arn>,
}

/// Who starts a remediation in this deployment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Remediation {
    /// A person.
    Manual,
    /// AWS Config and events.
    Automatic,
}

impl FromStr for Remediation {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        match text {
            "manual" => Ok(Self::Manual),
            "automatic" => Ok(Self::Automatic),
            _ => bail!("`CREDWARDEN_REMEDIATION` is `{text}`, neither `manual` nor `automatic`; the stack sets it"),
        }
    }
}

/// What an event fails at.
#[derive(Debug, thiserror::Error)]
enum Failed {
    /// It cannot be read or written down.
    #[error(transparent)]
    Recording(anyhow::Error),
    /// It is written down, and the user is not judged at once.
    #[error(transparent)]
    Answering(anyhow::Error),
}

async fn listen<T: Table, P: ReadParameter, R: ReadIam, D: Documents>(
    ports: &Ports<T, P, R, D>,
    settings: &Settings,
    event: &Value,
) -> Result<(), Failed> {
    // INVARIANT (recorded first): whatever becomes of the answer, the rule knows of it.
    let Some(creation) = record(&ports.ledger, event).await.map_err(Failed::Recording)? else { return Ok(()) };
    // An event that was recorded before may not have been answered: that attempt may have failed in between.
    match settings.remediation {
        Remediation::Manual => Ok(()),
        Remediation::Automatic => answer(ports, settings, &creation).await.map_err(Failed::Answering),
    }
}

/// Records what an event tells, once; `None` if it makes no credential usable.
async fn record<T: Table>(ledger: &Ledger<T>, event: &Value) -> anyhow::Result<Option<Box<Creation>>> {
    match of_event_bridge(event)? {
        Event::Creation(creation) => {
            let is_new = ledger.record_creation(&creation).await.context("failed to keep an event in the ledger")?;
            let said = if is_new { "recorded" } else { "knew already" };
            info!(
                event.id = %creation.event,
                "{said} that {} called {} for {} of `{}`", creation.creator, creation.act, creation.credential, creation.user
            );
            Ok(Some(creation))
        }
        Event::Other(why) => {
            info!("the event makes no user's credential usable: {why:?}");
            Ok(None)
        }
    }
}

/// Starts the rule's document on the user, once an event, if whoever did this may not.
async fn answer<T, P: ReadParameter, R: ReadIam, D: Documents>(
    ports: &Ports<T, P, R, D>,
    settings: &Settings,
    creation: &Creation,
) -> anyhow::Result<()> {
    let policy = ports.parameters.read_parameter(&settings.policy_parameter).await?;
    let policy = Policy::parse(&policy).context("failed to read the policy")?;
    let Some(user) = holder(&ports.reader, creation).await? else {
        info!(event.id = %creation.event, "`{}` is there no more", creation.user);
        return Ok(());
    };
    if !is_suspect(creation, &user, &policy, &settings.own_roles) {
        return Ok(());
    }
    let parameters =
        BTreeMap::from([("AutomationAssumeRole", settings.automation_role.clone()), ("ResourceId", user.to_string())]);
    let document = Document::Rule(RULE).name(&settings.prefix);
    // An event comes twice, and is answered once. Where its id is no UUID the second answer finds nothing left to do.
    let token = ClientToken::of(&creation.event);
    let execution = ports.documents.start(&document, parameters, token.as_ref()).await?;
    info!(event.id = %creation.event, user.id = %user, "execution {execution} of `{document}` judges `{}`", creation.user);
    Ok(())
}

/// The id of who bears the name of the credential's user now; the document judges whoever it is.
async fn holder<R: ReadIam>(reader: &R, creation: &Creation) -> anyhow::Result<Option<UserId>> {
    if let Some(id) = &creation.user_id {
        return Ok(Some(id.clone()));
    }
    match reader.get_user(&creation.user).await {
        Ok(user) => Ok(Some(user.record.id)),
        Err(error) if error.failure == Failure::NoSuchEntity => Ok(None),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use credwarden_automation::StartError;
    use credwarden_estate::estate::Estate;
    use credwarden_estate::fake::FakeIam;
    use credwarden_inventory::parameter::ParameterError;
    use credwarden_ledger::memory::MemoryTable;
    use serde_json::json;

    use super::*;

    const EVENT: &str = "11111111-2222-3333-4444-555555555555";

    fn event() -> Value {
        json!({ "version": "0", "source": "aws.iam", "detail-type": "AWS API Call via CloudTrail", "detail": {
            "userIdentity": {
                "type": "IAMUser", "principalId": "AIDAEXAMPLE0000DANA00", "arn": "arn:aws:iam::123456789012:user/dana",
                "accountId": "123456789012", "accessKeyId": "AKIAEXAMPLE0000000001", "userName": "dana"
            },
            "eventTime": "2026-01-02T03:04:05Z", "eventSource": "iam.amazonaws.com", "eventName": "UpdateAccessKey",
            "awsRegion": "us-east-1", "sourceIPAddress": "198.51.100.7", "eventID": EVENT,
            "requestParameters": { "userName": "alice", "accessKeyId": "AKIAIOSFODNN7EXAMPLE", "status": "Active" },
            "responseElements": null,
        } })
    }

    /// The policy in which only these may create, or which says nothing.
    fn policy(creators: Option<&str>) -> String {
        let creation =
            |creators| format!("\"creation\": {{ \"default\": {{ \"creators\": [\"{creators}\"] }} }}, \"budget\":");
        let default = credwarden_policy::document::DEFAULT;
        creators.map_or_else(|| default.to_owned(), |creators| default.replace("\"budget\":", &creation(creators)))
    }

    struct Parameter(String);

    impl ReadParameter for Parameter {
        async fn read_parameter(&self, name: &str) -> Result<String, ParameterError> {
            assert_eq!(name, "/credwarden/policy");
            Ok(self.0.clone())
        }
    }

    /// A document, its parameters and the token under which it was started.
    type Start = (String, BTreeMap<String, String>, Option<ClientToken>);

    /// Documents that were started; it refuses where it is told to.
    #[derive(Default)]
    struct Started {
        documents: Mutex<Vec<Start>>,
        refuses: bool,
    }

    impl Documents for Started {
        async fn start(
            &self,
            document: &str,
            parameters: BTreeMap<&str, String>,
            token: Option<&ClientToken>,
        ) -> Result<String, StartError> {
            if self.refuses {
                let resource = parameters["ResourceId"].clone();
                return Err(StartError { document: document.to_owned(), resource, why: "throttled".to_owned() });
            }
            let parameters = parameters.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
            self.documents.lock().unwrap().push((document.to_owned(), parameters, token.cloned()));
            Ok("execution".to_owned())
        }
    }

    type Account = Ports<MemoryTable, Parameter, FakeIam, Started>;

    fn account(policy: String) -> (Account, MemoryTable) {
        let table = MemoryTable::default();
        let estate = Estate::new("2026-01-02T03:05:00Z".parse().unwrap()).user("alice");
        let (ledger, reader) = (Ledger::new(table.clone()), FakeIam::new(estate));
        (Ports { ledger, parameters: Parameter(policy), reader, documents: Started::default() }, table)
    }

    fn settings(remediation: Remediation) -> Settings {
        Settings {
            prefix: "credwarden".to_owned(),
            policy_parameter: "/credwarden/policy".to_owned(),
            remediation,
            automation_role: "arn:aws:iam::123456789012:role/automation".to_owned(),
            own_roles: BTreeSet::new(),
        }
    }

    async fn heard(account: &Account, event: &Value) -> Result<(), Failed> {
        listen(account, &settings(Remediation::Automatic), event).await
    }

    fn started(account: &Account) -> usize {
        account.documents.documents.lock().unwrap().len()
    }

    #[tokio::test]
    async fn an_event_that_comes_twice_is_recorded_once() {
        let (account, table) = account(policy(None));
        for _ in 0..2 {
            heard(&account, &event()).await.unwrap();
        }
        assert_eq!(table.items().len(), 1);
        let recorded = account.ledger.creations().await.unwrap();
        assert_eq!(recorded.creations.iter().map(|creation| creation.user.as_str()).collect::<Vec<_>>(), ["alice"]);
        assert_eq!(started(&account), 0, "the policy says nothing of creators");
    }

    #[tokio::test]
    async fn whoever_may_not_has_the_user_judged_at_once_under_the_token_of_the_event() {
        let (account, _) = account(policy(Some("arn:*:iam::*:role/vending")));
        for _ in 0..2 {
            heard(&account, &event()).await.unwrap();
        }
        let alice = account.reader.estate().find("alice").unwrap().id().to_string();
        let parameters =
            [("AutomationAssumeRole", "arn:aws:iam::123456789012:role/automation"), ("ResourceId", alice.as_str())];
        let parameters = parameters.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let expected = ("credwarden-unauthorized-key-creation".to_owned(), parameters, ClientToken::of(EVENT));
        assert_eq!(*account.documents.documents.lock().unwrap(), [expected.clone(), expected]);
    }

    #[tokio::test]
    async fn whoever_may_has_nobody_judged() {
        let (account, table) = account(policy(Some("arn:*:iam::*:user/dana")));
        heard(&account, &event()).await.unwrap();
        assert_eq!((table.items().len(), started(&account)), (1, 0));
    }

    #[tokio::test]
    async fn what_one_of_our_own_roles_does_is_looked_at_whoever_may() {
        let (account, _) = account(policy(Some("arn:*:iam::*:*")));
        let mut event = event();
        let own = "arn:aws:iam::123456789012:role/credwarden-deactivate";
        event["detail"]["userIdentity"] = json!({
            "type": "AssumedRole", "principalId": "AROAEXAMPLE:session", "arn": own, "accountId": "123456789012",
            "sessionContext": { "sessionIssuer": { "type": "Role", "arn": own } },
        });
        heard(&account, &event).await.unwrap();
        assert_eq!(started(&account), 0, "any role may");
        let settings = Settings { own_roles: [own.parse().unwrap()].into(), ..settings(Remediation::Automatic) };
        listen(&account, &settings, &event).await.unwrap();
        assert_eq!(started(&account), 1, "ours only what the ledger has an intent of");
    }

    #[tokio::test]
    async fn where_people_start_remediation_it_is_only_recorded() {
        let (account, table) = account(policy(Some("arn:*:iam::*:role/vending")));
        listen(&account, &settings(Remediation::Manual), &event()).await.unwrap();
        assert_eq!((table.items().len(), started(&account)), (1, 0));
    }

    #[tokio::test]
    async fn what_cannot_be_answered_is_recorded_all_the_same_and_an_error() {
        let (mut account, table) = account(policy(Some("arn:*:iam::*:role/vending")));
        account.documents.refuses = true;
        let error = heard(&account, &event()).await.unwrap_err();
        assert!(matches!(&error, Failed::Answering(why) if why.to_string().contains("throttled")), "{error:?}");
        assert_eq!(table.items().len(), 1);
        account.documents.refuses = false;
        heard(&account, &event()).await.unwrap();
        assert_eq!(started(&account), 1, "the next attempt goes on where the last one failed");

        let (unusable, table) = self::account("{".to_owned());
        let error = heard(&unusable, &event()).await.unwrap_err();
        assert!(
            matches!(&error, Failed::Answering(why) if why.to_string() == "failed to read the policy"),
            "{error:?}"
        );
        assert_eq!(table.items().len(), 1);
    }

    #[tokio::test]
    async fn whoever_was_deleted_since_is_not_judged() {
        let (account, table) = account(policy(Some("arn:*:iam::*:role/vending")));
        account.reader.change(|estate| *estate = Estate::new(estate.now).user("bob"));
        heard(&account, &event()).await.unwrap();
        assert_eq!((table.items().len(), started(&account)), (1, 0));
    }

    #[tokio::test]
    async fn what_makes_no_credential_usable_is_left_alone() {
        let (account, table) = account(policy(Some("arn:*:iam::*:role/vending")));
        let mut event = event();
        event["detail"]["requestParameters"]["status"] = json!("Inactive");
        heard(&account, &event).await.unwrap();
        assert!(table.items().is_empty());
    }

    #[tokio::test]
    async fn an_event_of_a_shape_never_seen_is_an_error_that_names_it() {
        let (account, _) = account(policy(None));
        let mut event = event();
        event["detail"]["requestParameters"] = json!("all of them");
        let error = heard(&account, &event).await.unwrap_err();
        assert!(matches!(error, Failed::Recording(_)), "{error:?}");
        assert_eq!(
            error.to_string(),
            "failed to read event `11111111-2222-3333-4444-555555555555` of `UpdateAccessKey`: \
             `requestParameters.status` is missing; CloudTrail shows it by its id for 90 days"
        );
    }
}
