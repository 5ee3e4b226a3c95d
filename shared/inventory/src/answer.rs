//! From the SDK's answers to ours: what makes no sense is refused here.

use std::collections::BTreeMap;
use std::str::FromStr;

use aws_sdk_iam::operation::get_credential_report::GetCredentialReportOutput;
use aws_sdk_iam::primitives::DateTime;
use aws_sdk_iam::types::{
    AccessKeyLastUsed, AccessKeyMetadata as SdkAccessKey, AttachedPolicy, GroupDetail as SdkGroup, LoginProfile,
    ReportStateType, ServiceSpecificCredentialMetadata, SigningCertificate, SshPublicKeyMetadata, StatusType, Tag,
    User as SdkUser, UserDetail as SdkUserDetail,
};
use credwarden_credential::id::{Arn, InvalidId};
use credwarden_credential::kind::CredentialId;
use credwarden_credential::snapshot::{Credential, KeyStatus, LastUse, Status};
use jiff::Timestamp;

use crate::read::{
    AccessKeyMetadata, AuthorizationDetail, Failure, GroupDetail, ListedUser, Marker, Owned, ReadError, ReportAnswer,
    ReportState, SingleUser, UserDetail, UserRecord,
};

/// An answer without something that IAM always gives, or with something that it never gives.
#[derive(Debug, thiserror::Error)]
enum Implausible {
    #[error("the answer has no {0}")]
    Missing(&'static str),
    #[error("the answer has the unknown {what} `{value}`")]
    Unknown { what: &'static str, value: String },
    #[error("the answer's date is beyond all dates")]
    Date(#[source] jiff::Error),
    #[error("the answer has something else than an id")]
    Id(#[source] InvalidId),
}

pub(crate) fn report_state(doing: &str, state: Option<&ReportStateType>) -> Result<ReportState, ReadError> {
    match given(doing, "state", state)? {
        ReportStateType::Complete => Ok(ReportState::Complete),
        ReportStateType::Inprogress => Ok(ReportState::InProgress),
        ReportStateType::Started => Ok(ReportState::Started),
        other => Err(unknown(doing, "state", other.as_str())),
    }
}

pub(crate) fn report(doing: &str, output: GetCredentialReportOutput) -> Result<ReportAnswer, ReadError> {
    let made = timestamp(doing, "time of generation", output.generated_time.as_ref())?;
    let content = given(doing, "content", output.content)?.into_inner();
    Ok(ReportAnswer::Made { content, made })
}

/// Where the next page begins. A list said to be longer, with no way to go on, is not the whole list.
pub(crate) fn next(doing: &str, is_truncated: bool, marker: Option<&str>) -> Result<Option<Marker>, ReadError> {
    match (is_truncated, marker) {
        (false, _) => Ok(None),
        (true, marker) => Ok(Some(Marker(given(doing, "marker", marker)?.to_owned()))),
    }
}

pub(crate) fn user(doing: &str, user: Option<&SdkUser>) -> Result<SingleUser, ReadError> {
    let user = given(doing, "user", user)?;
    let record = UserRecord {
        id: parsed(doing, Some(user.user_id()))?,
        name: parsed(doing, Some(user.user_name()))?,
        arn: parsed(doing, Some(user.arn()))?,
        path: user.path().to_owned(),
        created: timestamp(doing, "date of creation", Some(user.create_date()))?,
        tags: tags(user.tags()),
    };
    let last_used = user.password_last_used();
    let password_last_used = last_used.map(|at| timestamp(doing, "date of the last sign-in", Some(at))).transpose()?;
    Ok(SingleUser { record, password_last_used })
}

pub(crate) fn listed_user(doing: &str, user: &SdkUser) -> Result<ListedUser, ReadError> {
    Ok(ListedUser { id: parsed(doing, Some(user.user_id()))?, name: parsed(doing, Some(user.user_name()))? })
}

pub(crate) fn user_detail(doing: &str, user: &SdkUserDetail) -> Result<AuthorizationDetail, ReadError> {
    let record = UserRecord {
        id: parsed(doing, user.user_id())?,
        name: parsed(doing, user.user_name())?,
        arn: parsed(doing, user.arn())?,
        path: given(doing, "path", user.path())?.to_owned(),
        created: timestamp(doing, "date of creation", user.create_date())?,
        tags: tags(user.tags()),
    };
    let groups = user.group_list().iter().map(|name| parsed(doing, Some(name))).collect::<Result<_, _>>()?;
    let attached_policies = attached(doing, user.attached_managed_policies())?;
    Ok(AuthorizationDetail::User(UserDetail { record, groups, attached_policies }))
}

pub(crate) fn group_detail(doing: &str, group: &SdkGroup) -> Result<AuthorizationDetail, ReadError> {
    let name = parsed(doing, group.group_name())?;
    let attached_policies = attached(doing, group.attached_managed_policies())?;
    Ok(AuthorizationDetail::Group(GroupDetail { name, attached_policies }))
}

pub(crate) fn access_key(doing: &str, key: &SdkAccessKey) -> Result<AccessKeyMetadata, ReadError> {
    let status = match status(doing, key.status())? {
        Status::Active => KeyStatus::Active,
        Status::Inactive => KeyStatus::Inactive,
        Status::Expired => return Err(unknown(doing, "status", "Expired")),
    };
    Ok(AccessKeyMetadata {
        id: parsed(doing, key.access_key_id())?,
        status,
        created: timestamp(doing, "date of creation", key.create_date())?,
    })
}

pub(crate) fn login_profile(doing: &str, profile: Option<&LoginProfile>) -> Result<Timestamp, ReadError> {
    timestamp(doing, "date of creation", Some(given(doing, "login profile", profile)?.create_date()))
}

pub(crate) fn service_specific(doing: &str, metadata: &ServiceSpecificCredentialMetadata) -> Result<Owned, ReadError> {
    let expires = metadata.expiration_date();
    let credential = Credential {
        id: CredentialId::ServiceSpecificCredential(parsed(doing, Some(metadata.service_specific_credential_id()))?),
        status: status(doing, Some(metadata.status()))?,
        created: timestamp(doing, "date of creation", Some(metadata.create_date()))?,
        expires: expires.map(|at| timestamp(doing, "date of expiry", Some(at))).transpose()?,
        service: Some(metadata.service_name().to_owned()),
        last_use: LastUse::NotRead,
    };
    Ok(Owned { user: parsed(doing, Some(metadata.user_name()))?, credential })
}

pub(crate) fn ssh_public_key(doing: &str, key: &SshPublicKeyMetadata) -> Result<Credential, ReadError> {
    Ok(Credential {
        id: CredentialId::SshPublicKey(parsed(doing, Some(key.ssh_public_key_id()))?),
        status: status(doing, Some(key.status()))?,
        created: timestamp(doing, "date of upload", Some(key.upload_date()))?,
        expires: None,
        service: None,
        last_use: LastUse::NotRead,
    })
}

pub(crate) fn signing_certificate(doing: &str, certificate: &SigningCertificate) -> Result<Credential, ReadError> {
    Ok(Credential {
        id: CredentialId::SigningCertificate(parsed(doing, Some(certificate.certificate_id()))?),
        status: status(doing, Some(certificate.status()))?,
        created: timestamp(doing, "date of upload", certificate.upload_date())?,
        expires: None,
        service: None,
        last_use: LastUse::NotRead,
    })
}

/// `Expired` belongs to service-specific credentials.
fn status(doing: &str, status: Option<&StatusType>) -> Result<Status, ReadError> {
    match given(doing, "status", status)? {
        StatusType::Active => Ok(Status::Active),
        StatusType::Inactive => Ok(Status::Inactive),
        StatusType::Expired => Ok(Status::Expired),
        other => Err(unknown(doing, "status", other.as_str())),
    }
}

/// A key that IAM knows no use of has no date, and `N/A` for service and region (`AccessKeyLastUsed`).
pub(crate) fn last_use(doing: &str, last_used: Option<&AccessKeyLastUsed>) -> Result<LastUse, ReadError> {
    let last_used = given(doing, "last use", last_used)?;
    match last_used.last_used_date() {
        None => Ok(LastUse::Never),
        date => Ok(LastUse::At {
            at: timestamp(doing, "date of last use", date)?,
            service: last_used.service_name().to_owned(),
            region: last_used.region().to_owned(),
        }),
    }
}

pub(crate) fn attached<C: FromIterator<Arn>>(doing: &str, policies: &[AttachedPolicy]) -> Result<C, ReadError> {
    policies.iter().map(|policy| parsed(doing, policy.policy_arn())).collect()
}

pub(crate) fn parsed<T: FromStr<Err = InvalidId>>(doing: &str, text: Option<&str>) -> Result<T, ReadError> {
    let text = given(doing, "id or name", text)?;
    text.parse().map_err(|error| implausible(doing, Implausible::Id(error)))
}

fn tags(tags: &[Tag]) -> BTreeMap<String, String> {
    tags.iter().map(|tag| (tag.key().to_owned(), tag.value().to_owned())).collect()
}

fn timestamp(doing: &str, what: &'static str, at: Option<&DateTime>) -> Result<Timestamp, ReadError> {
    let at = given(doing, what, at)?;
    let nanos = i32::try_from(at.subsec_nanos()).unwrap_or_default();
    Timestamp::new(at.secs(), nanos).map_err(|error| implausible(doing, Implausible::Date(error)))
}

fn given<T>(doing: &str, what: &'static str, value: Option<T>) -> Result<T, ReadError> {
    value.ok_or_else(|| implausible(doing, Implausible::Missing(what)))
}

fn unknown(doing: &str, what: &'static str, value: &str) -> ReadError {
    implausible(doing, Implausible::Unknown { what, value: value.to_owned() })
}

fn implausible(doing: &str, why: Implausible) -> ReadError {
    ReadError::caused(Failure::Implausible, doing, why)
}
