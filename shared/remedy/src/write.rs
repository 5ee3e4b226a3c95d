//! What is changed in IAM. Nothing that decides holds this.

use std::error::Error;
use std::future::Future;

use aws_sdk_iam::Client;
use aws_sdk_iam::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use aws_sdk_iam::types::StatusType;
use credwarden_credential::id::{Arn, UserName};
use credwarden_credential::kind::CredentialId;
use credwarden_credential::snapshot::KeyStatus;
use credwarden_policy::remedy::Effect;

use crate::plan::Plan;

/// The calls of IAM that change something. All methods are written as `async fn`.
pub trait WriteIam {
    /// Gives a user's credential this status, by the call of its kind: `UpdateAccessKey`,
    /// `UpdateServiceSpecificCredential`, `UpdateSSHPublicKey` or `UpdateSigningCertificate`. Doing it twice is doing it
    /// once.
    fn set_status(
        &self,
        user: &UserName,
        credential: &CredentialId,
        status: KeyStatus,
    ) -> impl Future<Output = Result<(), WriteError>>;

    /// Deletes a user's access key (`DeleteAccessKey`), which nothing undoes.
    fn delete_access_key(&self, user: &UserName, key: &CredentialId) -> impl Future<Output = Result<(), WriteError>>;

    /// Deletes a user's console password, for good (`DeleteLoginProfile`).
    fn delete_password(&self, user: &UserName) -> impl Future<Output = Result<(), WriteError>>;

    /// Has a user's sessions refused, by attaching the stack's policy to it (`AttachUserPolicy`). Doing it twice is doing it
    /// once.
    fn refuse_sessions(&self, user: &UserName) -> impl Future<Output = Result<(), WriteError>>;

    /// Has them refused no more (`DetachUserPolicy`); not having been refused is as good.
    fn accept_sessions(&self, user: &UserName) -> impl Future<Output = Result<(), WriteError>>;
}

/// A change that IAM did not make, or did not say that it has.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// There is no such credential of such a user.
    #[error("`{user}` has no {} {credential}", credential.kind().noun())]
    NoSuchEntity {
        /// Whose.
        user: UserName,
        /// Which.
        credential: CredentialId,
    },
    /// IAM does not change it at the moment, and it has not happened.
    #[error("IAM does not change {} {credential} of `{user}` yet: {why}", credential.kind().noun())]
    NotYet {
        /// Whose.
        user: UserName,
        /// Which.
        credential: CredentialId,
        /// What IAM says.
        why: String,
    },
    /// Failed after all retries; it may have happened.
    #[error("failed to update {} {credential} of `{user}`: {why}", credential.kind().noun())]
    Failed {
        /// Whose.
        user: UserName,
        /// Which.
        credential: CredentialId,
        /// What the SDK says.
        why: String,
    },
    /// Failed after all retries; it may have happened.
    #[error("failed to {doing} the policy that refuses the sessions of `{user}`: {why}")]
    Sessions {
        /// Whose.
        user: UserName,
        /// `attach` or `detach`.
        doing: &'static str,
        /// What the SDK says.
        why: String,
    },
}

/// Makes the change that was planned, once: the plan is consumed.
pub async fn apply<W: WriteIam>(plan: Plan, writer: &W) -> Result<(), WriteError> {
    match plan.to() {
        Effect::Status(status) => writer.set_status(plan.user(), plan.credential(), status).await,
        Effect::Deleted => writer.delete_password(plan.user()).await,
    }
}

/// IAM itself.
#[derive(Clone, Debug)]
pub struct IamWriter {
    client: Client,
    /// The stack's policy that denies everything to sessions.
    session_policy: Arn,
}

impl IamWriter {
    /// Writes with this client; sessions are refused by this policy.
    pub fn new(client: Client, session_policy: Arn) -> Self {
        Self { client, session_policy }
    }
}

impl WriteIam for IamWriter {
    async fn set_status(
        &self,
        user: &UserName,
        credential: &CredentialId,
        status: KeyStatus,
    ) -> Result<(), WriteError> {
        let status = match status {
            KeyStatus::Active => StatusType::Active,
            KeyStatus::Inactive => StatusType::Inactive,
        };
        // Without a user name IAM would look for the credential among the caller's own.
        let (client, name) = (&self.client, user.as_str());
        let failed = match credential {
            CredentialId::AccessKey(id) => {
                let call = client.update_access_key().user_name(name).access_key_id(id.as_str());
                call.status(status).send().await.err().as_ref().map(failure)
            }
            CredentialId::ServiceSpecificCredential(id) => {
                let call = client.update_service_specific_credential().user_name(name);
                call.service_specific_credential_id(id.as_str()).status(status).send().await.err().as_ref().map(failure)
            }
            CredentialId::SshPublicKey(id) => {
                let call = client.update_ssh_public_key().user_name(name).ssh_public_key_id(id.as_str());
                call.status(status).send().await.err().as_ref().map(failure)
            }
            CredentialId::SigningCertificate(id) => {
                let call = client.update_signing_certificate().user_name(name).certificate_id(id.as_str());
                call.status(status).send().await.err().as_ref().map(failure)
            }
            CredentialId::ConsolePassword => Some(Failure::Other("IAM gives a console password no status".to_owned())),
        };
        let (user, credential) = (user.clone(), credential.clone());
        match failed {
            None => Ok(()),
            Some(Failure::NoSuchEntity) => Err(WriteError::NoSuchEntity { user, credential }),
            Some(Failure::Temporary(why)) => Err(WriteError::NotYet { user, credential, why }),
            Some(Failure::Other(why)) => Err(WriteError::Failed { user, credential, why }),
        }
    }

    async fn delete_access_key(&self, user: &UserName, key: &CredentialId) -> Result<(), WriteError> {
        let (user, credential) = (user.clone(), key.clone());
        let CredentialId::AccessKey(id) = key else {
            let why = "it is no access key".to_owned();
            return Err(WriteError::Failed { user, credential, why });
        };
        // Without a user name IAM would look for the key among the caller's own.
        let call = self.client.delete_access_key().user_name(user.as_str()).access_key_id(id.as_str());
        match call.send().await.as_ref().map_err(failure) {
            Ok(_) => Ok(()),
            Err(Failure::NoSuchEntity) => Err(WriteError::NoSuchEntity { user, credential }),
            Err(Failure::Temporary(why)) => Err(WriteError::NotYet { user, credential, why }),
            Err(Failure::Other(why)) => Err(WriteError::Failed { user, credential, why }),
        }
    }

    async fn delete_password(&self, user: &UserName) -> Result<(), WriteError> {
        // Without a user name IAM would delete the caller's own.
        let call = self.client.delete_login_profile().user_name(user.as_str());
        let (name, credential) = (user.clone(), CredentialId::ConsolePassword);
        match call.send().await.err().as_ref().map(failure) {
            None => Ok(()),
            Some(Failure::NoSuchEntity) => Err(WriteError::NoSuchEntity { user: name, credential }),
            Some(Failure::Temporary(why)) => Err(WriteError::NotYet { user: name, credential, why }),
            Some(Failure::Other(why)) => Err(WriteError::Failed { user: name, credential, why }),
        }
    }

    async fn refuse_sessions(&self, user: &UserName) -> Result<(), WriteError> {
        let call = self.client.attach_user_policy().user_name(user.as_str()).policy_arn(self.session_policy.as_str());
        let failed = |why| WriteError::Sessions { user: user.clone(), doing: "attach", why };
        call.send().await.map_err(|error| failed(DisplayErrorContext(&error).to_string())).map(drop)
    }

    async fn accept_sessions(&self, user: &UserName) -> Result<(), WriteError> {
        let call = self.client.detach_user_policy().user_name(user.as_str()).policy_arn(self.session_policy.as_str());
        match call.send().await.as_ref().map_err(failure) {
            Ok(_) | Err(Failure::NoSuchEntity) => Ok(()),
            Err(Failure::Temporary(why) | Failure::Other(why)) => {
                Err(WriteError::Sessions { user: user.clone(), doing: "detach", why })
            }
        }
    }
}

enum Failure {
    NoSuchEntity,
    /// Of a user or password that was made a moment ago: IAM asks to wait some minutes.
    Temporary(String),
    Other(String),
}

/// How a call failed: IAM's error codes for what does not exist, and for what cannot be changed yet, are the same for all kinds
/// (IAM API Reference, `DeleteLoginProfile`: `NoSuchEntity`, `EntityTemporarilyUnmodifiable`).
fn failure<E, R>(error: &SdkError<E, R>) -> Failure
where
    E: ProvideErrorMetadata + Error + 'static,
    R: std::fmt::Debug + 'static,
{
    match error.as_service_error().and_then(ProvideErrorMetadata::code) {
        Some("NoSuchEntity" | "NoSuchEntityException") => Failure::NoSuchEntity,
        Some("EntityTemporarilyUnmodifiable" | "EntityTemporarilyUnmodifiableException") => {
            Failure::Temporary(DisplayErrorContext(error).to_string())
        }
        _ => Failure::Other(DisplayErrorContext(error).to_string()),
    }
}
