//! IAM, answered from memory: an account as the query protocol shows it.
//!
//! Names and tags of the accounts here need no escaping in XML.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use credwarden_credential::id::Arn;
use credwarden_credential::kind::CredentialKind;
use credwarden_credential::snapshot::{Credential, KeyStatus, LastUse, Status};
use credwarden_estate::estate::{Estate, EstateUser};
use credwarden_estate::report::render;
use jiff::Timestamp;

use crate::call::{Call, Parameters};

/// How long a page is where the call does not say (IAM API Reference).
const DEFAULT_PAGE: usize = 100;

/// An account, and its credential report.
#[derive(Debug)]
pub(crate) struct Iam {
    estate: Estate,
    users: HashMap<String, usize>,
    /// Where each access key is: its user, and its place among the user's keys.
    keys: HashMap<String, (usize, usize)>,
    report: Report,
    /// Long answers, which the emulator would otherwise make anew in the time of whoever asks.
    pages: HashMap<String, String>,
}

/// The credential report, which IAM makes when asked, and gives at the next look.
#[derive(Debug)]
enum Report {
    /// There is none, or only one of an earlier day.
    Missing,
    /// Asked for.
    Made,
}

/// An answer: its status and its XML.
pub(crate) type Answer = (u16, String);

impl Iam {
    /// IAM of this account, at the account's time. Yesterday's credential report has expired.
    pub(crate) fn new(estate: Estate) -> Self {
        let mut users = HashMap::new();
        let mut keys = HashMap::new();
        for (number, user) in estate.users.iter().enumerate() {
            users.insert(user.name().to_string(), number);
            for (place, owned) in user.keys.iter().enumerate() {
                keys.insert(owned.key.id.to_string(), (number, place));
            }
        }
        let mut iam = Self { estate, users, keys, report: Report::Missing, pages: HashMap::new() };
        iam.warm_up();
        iam
    }

    /// Answers a call; `None` where nothing measured makes it.
    pub(crate) fn answer(&mut self, call: &Call) -> Option<Answer> {
        let operation = call.action.strip_prefix("iam:")?;
        if let Some(page) = self.pages.get(&page_key(call)) {
            return Some((200, page.clone()));
        }
        Some(match operation {
            "GenerateCredentialReport" => {
                let state = match self.report {
                    Report::Missing => "STARTED",
                    Report::Made => "COMPLETE",
                };
                self.report = Report::Made;
                whole(operation, &element("State", state))
            }
            "GetCredentialReport" => match self.report {
                Report::Missing => error(410, "ReportExpired", "Credential report has expired"),
                Report::Made => return self.pages.get(REPORT).map(|report| (200, report.clone())),
            },
            "GetAccountAuthorizationDetails" | "ListUsers" => self.page(call),
            "ListServiceSpecificCredentials" => self.service_specific(operation, call),
            "GetAccessKeyLastUsed" => self.last_used(operation, call),
            _ => {
                let Some(user) = call.user().and_then(|name| self.estate.users.get(*self.users.get(name)?)) else {
                    return Some(error(404, "NoSuchEntity", "The user cannot be found."));
                };
                return of_user(operation, user);
            }
        })
    }

    /// Makes the long answers before anybody waits for them.
    fn warm_up(&mut self) {
        let content = element("Content", &STANDARD.encode(render(&self.estate)));
        let made = element("GeneratedTime", &date(self.estate.now));
        let (_, report) = whole("GetCredentialReport", &(content + "<ReportFormat>text/csv</ReportFormat>" + &made));
        self.pages.insert(REPORT.to_owned(), report);
        for (operation, limit) in [
            ("GetAccountAuthorizationDetails", Some("1000")),
            ("ListUsers", None),
            ("ListServiceSpecificCredentials", Some("1000")),
        ] {
            let mut parameters = BTreeMap::new();
            parameters.extend(limit.map(|limit| ("MaxItems".to_owned(), limit.to_owned())));
            let step = limit.and_then(|limit| limit.parse().ok()).unwrap_or(DEFAULT_PAGE);
            for begin in (0..self.estate.users.len()).step_by(step) {
                if begin > 0 {
                    parameters.insert("Marker".to_owned(), begin.to_string());
                }
                let parameters = Parameters::Form(parameters.clone());
                self.answer(&Call { action: format!("iam:{operation}"), parameters });
            }
        }
    }

    /// A page of users: of the list, or with their tags, groups and policies, and the groups on the first page.
    fn page(&mut self, call: &Call) -> Answer {
        let operation = call.action.trim_start_matches("iam:");
        let begin = call.text("Marker").and_then(|marker| marker.parse().ok()).unwrap_or(0);
        let limit = call.number("MaxItems").unwrap_or(DEFAULT_PAGE);
        let users = self.estate.users.iter().skip(begin).take(limit);
        let next = (begin + limit < self.estate.users.len()).then(|| begin + limit);
        let mut text = String::new();
        if operation == "ListUsers" {
            text.push_str(&element("Users", &users.map(|user| member(&identity(user))).collect::<String>()));
        } else {
            text.push_str(&element("UserDetailList", &users.map(detail).collect::<String>()));
            let groups = self.estate.groups.iter().filter(|_| begin == 0);
            let groups = groups.map(|(name, attached)| {
                member(&(element("GroupName", name.as_str()) + &policies(attached.iter().map(Arn::as_str))))
            });
            text.push_str(&element("GroupDetailList", &groups.collect::<String>()));
        }
        text.push_str(&element("IsTruncated", if next.is_some() { "true" } else { "false" }));
        if let Some(next) = next {
            text.push_str(&element("Marker", &next.to_string()));
        }
        let (status, answer) = whole(operation, &text);
        self.pages.insert(page_key(call), answer.clone());
        (status, answer)
    }

    fn service_specific(&mut self, operation: &str, call: &Call) -> Answer {
        let users = self.estate.users.iter();
        let users = users.filter(|user| call.user().is_none_or(|name| user.name().as_str() == name));
        let mut members = String::new();
        for user in users {
            for credential in user.of(CredentialKind::ServiceSpecificCredential) {
                let fields = element("UserName", user.name().as_str())
                    + &element("ServiceSpecificCredentialId", &credential.id.to_string())
                    + &element("ServiceName", credential.service.as_deref().unwrap_or_default())
                    + &state(&credential)
                    + &element("CreateDate", &date(credential.created));
                members.push_str(&member(&fields));
            }
        }
        let (status, answer) = whole(operation, &(element("ServiceSpecificCredentials", &members) + NOT_TRUNCATED));
        self.pages.insert(page_key(call), answer.clone());
        (status, answer)
    }

    fn last_used(&self, operation: &str, call: &Call) -> Answer {
        let place = call.text("AccessKeyId").and_then(|id| self.keys.get(id));
        let found = place.and_then(|(user, key)| {
            let user = self.estate.users.get(*user)?;
            Some((user, user.keys.get(*key)?))
        });
        let Some((user, owned)) = found else {
            return error(403, "AccessDenied", "The key is of another account.");
        };
        let last_use = match &owned.key.last_use {
            LastUse::At { at, service, region } => {
                element("LastUsedDate", &date(*at)) + &element("ServiceName", service) + &element("Region", region)
            }
            _ => element("ServiceName", "N/A") + &element("Region", "N/A"),
        };
        whole(operation, &(element("UserName", user.name().as_str()) + &element("AccessKeyLastUsed", &last_use)))
    }
}

/// The key of the credential report among the long answers.
const REPORT: &str = "GetCredentialReport";

const NOT_TRUNCATED: &str = "<IsTruncated>false</IsTruncated>";

fn page_key(call: &Call) -> String {
    format!("{} {:?} {:?} {:?}", call.action, call.user(), call.text("MaxItems"), call.text("Marker"))
}

fn of_user(operation: &str, user: &EstateUser) -> Option<Answer> {
    let name = element("UserName", user.name().as_str());
    let text = match operation {
        "ListAccessKeys" => {
            let keys = user.keys.iter().map(|owned| {
                let status = if owned.key.status == KeyStatus::Active { "Active" } else { "Inactive" };
                let id = element("AccessKeyId", owned.key.id.as_str());
                member(
                    &(name.clone()
                        + &id
                        + &element("Status", status)
                        + &element("CreateDate", &date(owned.key.created))),
                )
            });
            element("AccessKeyMetadata", &keys.collect::<String>()) + NOT_TRUNCATED
        }
        "ListSSHPublicKeys" => {
            let uploaded = uploaded(user, CredentialKind::SshPublicKey, "SSHPublicKeyId", "");
            element("SSHPublicKeys", &uploaded) + NOT_TRUNCATED
        }
        "ListSigningCertificates" => {
            let body = element("CertificateBody", "-----BEGIN CERTIFICATE-----");
            let uploaded = uploaded(user, CredentialKind::SigningCertificate, "CertificateId", &body);
            element("Certificates", &uploaded) + NOT_TRUNCATED
        }
        "GetLoginProfile" => match user.password {
            None => return Some(error(404, "NoSuchEntity", "Login Profile for User cannot be found.")),
            Some(password) => element("LoginProfile", &(name + &element("CreateDate", &date(password.created)))),
        },
        "GetUser" => {
            let sign_in = user.password.and_then(|password| password.last_used);
            let sign_in = sign_in.map(|at| element("PasswordLastUsed", &date(at))).unwrap_or_default();
            element("User", &(identity(user) + &sign_in))
        }
        _ => return None,
    };
    Some(whole(operation, &text))
}

fn uploaded(user: &EstateUser, kind: CredentialKind, id_name: &str, more: &str) -> String {
    let mut members = String::new();
    for credential in user.of(kind) {
        let fields = element("UserName", user.name().as_str())
            + &element(id_name, &credential.id.to_string())
            + more
            + &state(&credential)
            + &element("UploadDate", &date(credential.created));
        members.push_str(&member(&fields));
    }
    members
}

fn state(credential: &Credential) -> String {
    let status = match credential.status {
        Status::Active => "Active",
        Status::Inactive => "Inactive",
        Status::Expired => "Expired",
    };
    element("Status", status)
}

fn identity(user: &EstateUser) -> String {
    let record = &user.detail.record;
    element("Path", &record.path)
        + &element("UserName", record.name.as_str())
        + &element("UserId", record.id.as_str())
        + &element("Arn", record.arn.as_str())
        + &element("CreateDate", &date(record.created))
}

fn detail(user: &EstateUser) -> String {
    let groups = user.detail.groups.iter().map(|group| member(group.as_str()));
    let tags = user.detail.record.tags.iter();
    let tags = tags.map(|(key, value)| member(&(element("Key", key) + &element("Value", value))));
    let details = identity(user)
        + &element("GroupList", &groups.collect::<String>())
        + &element("Tags", &tags.collect::<String>())
        + &policies(user.detail.attached_policies.iter().map(Arn::as_str));
    member(&details)
}

fn policies<'a>(arns: impl Iterator<Item = &'a str>) -> String {
    let policies = arns.map(|arn| {
        let name = arn.rsplit('/').next().unwrap_or_default();
        member(&(element("PolicyName", name) + &element("PolicyArn", arn)))
    });
    element("AttachedManagedPolicies", &policies.collect::<String>())
}

fn member(content: &str) -> String {
    element("member", content)
}

fn element(name: &str, content: &str) -> String {
    let mut text = String::with_capacity(content.len() + 2 * name.len() + 5);
    // Writing to a text does not fail.
    let _ = write!(text, "<{name}>{content}</{name}>");
    text
}

fn whole(operation: &str, result: &str) -> Answer {
    const NAMESPACE: &str = "https://iam.amazonaws.com/doc/2010-05-08/";
    let text = format!(
        "<{operation}Response xmlns=\"{NAMESPACE}\"><{operation}Result>{result}</{operation}Result>\
         <ResponseMetadata><RequestId>bench</RequestId></ResponseMetadata></{operation}Response>"
    );
    (200, text)
}

fn error(status: u16, code: &str, message: &str) -> Answer {
    let text = format!(
        "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>\
         <RequestId>bench</RequestId></ErrorResponse>"
    );
    (status, text)
}

fn date(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

#[cfg(test)]
mod tests {
    use credwarden_estate::estate::age_days;

    use super::*;

    fn iam() -> Iam {
        let estate = Estate::new("2026-11-24T12:00:00Z".parse().unwrap()).group("readers", &[]);
        let estate = (0..150).fold(estate, |estate, number| estate.user(&format!("user-{number:03}")));
        Iam::new(estate.user("alice").member_of("readers").key(age_days(50)).used(age_days(3), "s3"))
    }

    fn ask(iam: &mut Iam, operation: &str, parameters: &[(&str, &str)]) -> Answer {
        let pairs = parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        iam.answer(&Call { action: format!("iam:{operation}"), parameters: Parameters::Form(pairs.collect()) }).unwrap()
    }

    #[test]
    fn the_report_is_there_after_it_was_asked_for() {
        let mut iam = iam();
        assert_eq!(ask(&mut iam, "GetCredentialReport", &[]).0, 410);
        assert!(ask(&mut iam, "GenerateCredentialReport", &[]).1.contains("<State>STARTED</State>"));
        let (status, report) = ask(&mut iam, "GetCredentialReport", &[]);
        assert_eq!(status, 200);
        assert!(report.contains("<GeneratedTime>2026-11-24T12:00:00Z</GeneratedTime>"), "{report}");
    }

    #[test]
    fn a_list_of_users_has_a_hundred_a_page_and_ends() {
        let mut iam = iam();
        let (_, first) = ask(&mut iam, "ListUsers", &[]);
        assert_eq!(first.matches("<member>").count(), 100);
        assert!(first.contains("<IsTruncated>true</IsTruncated><Marker>100</Marker>"));
        let (_, second) = ask(&mut iam, "ListUsers", &[("Marker", "100")]);
        assert_eq!(second.matches("<member>").count(), 51);
        assert!(second.contains(NOT_TRUNCATED));
    }

    #[test]
    fn a_key_is_listed_with_its_user_and_found_with_its_last_use() {
        let mut iam = iam();
        let (_, listed) = ask(&mut iam, "ListAccessKeys", &[("UserName", "alice")]);
        let (_, rest) = listed.split_once("<AccessKeyId>").unwrap();
        let (id, _) = rest.split_once('<').unwrap();
        let (_, used) = ask(&mut iam, "GetAccessKeyLastUsed", &[("AccessKeyId", id)]);
        assert!(used.contains("<LastUsedDate>2026-11-21T12:00:00Z</LastUsedDate>"), "{used}");
    }

    #[test]
    fn who_is_not_there_is_no_such_entity() {
        assert_eq!(ask(&mut iam(), "ListAccessKeys", &[("UserName", "bob")]).0, 404);
        assert_eq!(ask(&mut iam(), "GetLoginProfile", &[("UserName", "alice")]).0, 404);
    }
}
