//! What is told, in words for owners and in an event for programs. Both are made here, from the ledger's facts alone.

use std::fmt::Write as _;
use std::str::FromStr;

use credwarden_credential::creation::Creation;
use credwarden_ledger::notice::{Audience, Notice, Owner};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::Settings;

/// How much of a sentence is told, in bytes. Who created a credential can be named by long ARNs; nothing else comes near.
const LONGEST_SENTENCE: usize = 1_000;

/// The ARN of an SNS topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicArn {
    arn: String,
    region: String,
    account: String,
}

/// A text that is no ARN of a topic.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no ARN of an SNS topic; deploy the function with the project's stack")]
pub struct NoTopic(pub String);

impl TopicArn {
    /// The ARN.
    pub fn as_str(&self) -> &str {
        &self.arn
    }
}

impl FromStr for TopicArn {
    type Err = NoTopic;

    fn from_str(arn: &str) -> Result<Self, NoTopic> {
        match arn.split(':').collect::<Vec<_>>().as_slice() {
            ["arn", _, "sns", region, account, name] if !name.is_empty() => {
                Ok(Self { arn: arn.to_owned(), region: (*region).to_owned(), account: (*account).to_owned() })
            }
            _ => Err(NoTopic(arn.to_owned())),
        }
    }
}

/// Who is told by one message.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Addressee {
    /// The value of the message attribute `owner`.
    pub owner: Owner,
    /// The value of the message attribute `audience`: what is for security is never in a message for owners.
    pub audience: Audience,
}

impl Addressee {
    /// Who is told of a notice.
    pub fn of(notice: &Notice, settings: &Settings) -> Self {
        let audience = notice.kind.audience();
        let owner = match (audience, &notice.owner) {
            (Audience::Security, _) => &settings.security_contact,
            (Audience::Owner, Some(owner)) => owner,
            (Audience::Owner, None) => &settings.account_contact,
        };
        Self { owner: owner.clone(), audience }
    }
}

/// A message to one addressee.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Digest {
    /// At most 100 characters of ASCII in one line, as SNS asks.
    pub subject: String,
    /// Plain text.
    pub text: String,
}

/// What `notices` have to tell one addressee.
pub fn digest(notices: &[&Notice], settings: &Settings) -> Digest {
    let TopicArn { region, account, .. } = &settings.notice_topic;
    let count = notices.len();
    let what = if count == 1 { "1 notice".to_owned() } else { format!("{count} notices") };
    let is_security = notices.iter().any(|notice| notice.kind.audience() == Audience::Security);
    let credentials = if is_security { "compromised credentials" } else { "credentials" };
    let mut text = format!("Credwarden has {what} on {credentials} of AWS account {account}.\n");
    for (place, notice) in notices.iter().enumerate() {
        // Writing into a text cannot fail.
        let _ = write!(text, "\n{}. {}", place.saturating_add(1), paragraph(notice, settings));
    }
    let _ = write!(
        text,
        "\nWho may start a document needs ssm:StartAutomationExecution in {region}. Credwarden never asks for a password or \
         a secret key.\n"
    );
    Digest { subject: format!("Credwarden: {what} on {credentials} of AWS account {account}"), text }
}

fn paragraph(notice: &Notice, settings: &Settings) -> String {
    let Notice { credential, name, user, what, to_do, do_by, undo, at, requester, .. } = notice;
    let whose = match name {
        Some(name) => format!("user {name} ({user})"),
        None => format!("user {user}"),
    };
    let what_of = match credential {
        Some(credential) => format!("{} {credential} of {whose}", credential.kind().noun()),
        None => format!("all credentials of {whose}"),
    };
    let by = match (do_by, notice.kind.audience()) {
        (Some(by), _) => minute(*by),
        (None, Audience::Security) => "at once".to_owned(),
        (None, Audience::Owner) => "at once, it is overdue".to_owned(),
    };
    let mut lines = format!(
        "{what_of}, {}\n   What:  {}\n   Do:    {}\n   By:    {by}\n",
        minute(*at),
        sentence(what),
        sentence(to_do)
    );
    if let Some(creation) = &notice.creation {
        let Creation { creator, source, event, at, region, .. } = creation.as_ref();
        let _ = writeln!(
            lines,
            "   Who:   {}\n   From:  {}\n   Event: {} ({}, {})",
            sentence(&creator.to_string()),
            sentence(source),
            sentence(event),
            at.strftime("%Y-%m-%d %H:%M:%S UTC"),
            sentence(region)
        );
    }
    if let Some(until) = notice.sessions_refused_until {
        let _ = writeln!(lines, "   Sessions of the user are refused until {}.", minute(until));
    }
    if let Some(requester) = requester {
        let _ = writeln!(lines, "   Asked: {}", sentence(requester));
    }
    if let (Some(undo), Some(credential)) = (undo, credential) {
        let document = undo.document.name(&settings.prefix);
        let _ = write!(
            lines,
            "   Undo:  until {}, by the document {document}:\n          aws ssm start-automation-execution --region {} \
             --document-name {document} --parameters \
             'AutomationAssumeRole={},ResourceId={user},CredentialId={credential}'\n",
            minute(undo.until),
            settings.notice_topic.region,
            settings.automation_role,
        );
    }
    lines
}

/// An event for the account's default bus.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// What it tells.
    pub detail: Value,
}

impl Event {
    /// The source of all events.
    pub const SOURCE: &str = "credwarden";

    /// What they are; their field `kind` says of what.
    pub const DETAIL_TYPE: &str = "Credwarden Notice";

    /// The event of a notice.
    pub fn of(notice: &Notice, settings: &Settings) -> Self {
        let Notice { kind, at, user, name, credential, document, requester, what, to_do, do_by, undo, .. } = notice;
        let undo = undo.as_ref().map(|undo| {
            let parameters = json!({
                "AutomationAssumeRole": settings.automation_role, "ResourceId": user, "CredentialId": credential,
            });
            json!({ "document": undo.document.name(&settings.prefix), "parameters": parameters, "until": undo.until })
        });
        let Addressee { owner, audience } = Addressee::of(notice, settings);
        let created = notice.creation.as_ref().map(|creation| {
            let Creation { event, act, creator, source, mfa, at, region, .. } = creation.as_ref();
            json!({
                "eventId": event,
                "eventName": act,
                "at": at,
                "region": region,
                "sourceIpAddress": source,
                "mfa": mfa,
                "arn": creator.principal.as_str(),
                "session": creator.session,
                "sourceIdentity": creator.source_identity,
                "invokedBy": creator.invoked_by,
            })
        });
        Self {
            detail: json!({
                "id": notice.id(),
                "kind": kind,
                "at": at,
                "userId": user,
                "userName": name,
                "credentialKind": credential.as_ref().map(|credential| credential.kind().to_string()),
                "credentialId": credential,
                "document": document.name(&settings.prefix),
                "requester": requester,
                "owner": owner,
                "audience": audience,
                "created": created,
                "sessionsRefusedUntil": notice.sessions_refused_until,
                "what": sentence(what),
                "toDo": sentence(to_do),
                "doBy": do_by,
                "undo": undo,
            }),
        }
    }
}

/// A text as one line of a message, cut where it is too long: whatever it quotes cannot look like a line of its own.
fn sentence(text: &str) -> String {
    let breaks = |character: char| character.is_control() || matches!(character, '\u{2028}' | '\u{2029}');
    let line = text.chars().map(|character| if breaks(character) { ' ' } else { character });
    let mut kept = String::new();
    for character in line {
        if kept.len().saturating_add(character.len_utf8()) > LONGEST_SENTENCE {
            kept.push('…');
            break;
        }
        kept.push(character);
    }
    kept
}

fn minute(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}
