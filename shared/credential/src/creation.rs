//! Who made a credential usable: what CloudTrail tells of creations and re-activations, and how completely it was asked.

pub mod backfill;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::age::CLOCK_TOLERANCE;
use crate::id::{Arn, UserId, UserName};
use crate::kind::{CredentialId, CredentialKind};

/// How late an event may come: `CloudTrail` delivers within minutes as a rule, and promises nothing. An event that is
/// absent for less than this tells nothing.
pub const EVENT_LAG: SignedDuration = SignedDuration::from_hours(2);

macro_rules! acts {
    ($($(#[$doc:meta])* $variant:ident = $text:literal of $kind:ident),+ $(,)?) => {
        /// A call of IAM that makes a credential usable, named as `CloudTrail` names it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub enum CreationAct { $($(#[$doc])* $variant),+ }

        impl CreationAct {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The call's name, `eventName` of its event.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }

            /// The kind of the credentials that it makes usable.
            pub fn kind(self) -> CredentialKind {
                match self { $(Self::$variant => CredentialKind::$kind),+ }
            }
        }

        impl FromStr for CreationAct {
            type Err = UnknownAct;

            fn from_str(text: &str) -> Result<Self, UnknownAct> {
                match text {
                    $($text => Ok(Self::$variant),)+
                    _ => Err(UnknownAct(text.chars().take(80).collect())),
                }
            }
        }
    };
}

acts! {
    /// Creates an access key.
    CreateAccessKey = "CreateAccessKey" of AccessKey,
    /// Gives a user a console password.
    CreateLoginProfile = "CreateLoginProfile" of ConsolePassword,
    /// Creates the password or API key of one service.
    CreateServiceSpecificCredential = "CreateServiceSpecificCredential" of ServiceSpecificCredential,
    /// Takes up an SSH public key.
    UploadSshPublicKey = "UploadSSHPublicKey" of SshPublicKey,
    /// Takes up an X.509 signing certificate.
    UploadSigningCertificate = "UploadSigningCertificate" of SigningCertificate,
    /// Makes an inactive access key active again (with the status `Active`; with another it is none of these acts).
    UpdateAccessKey = "UpdateAccessKey" of AccessKey,
    /// The same of the password or API key of one service.
    UpdateServiceSpecificCredential = "UpdateServiceSpecificCredential" of ServiceSpecificCredential,
    /// The same of an SSH public key.
    UpdateSshPublicKey = "UpdateSSHPublicKey" of SshPublicKey,
    /// The same of a signing certificate.
    UpdateSigningCertificate = "UpdateSigningCertificate" of SigningCertificate,
}

/// A name that is none of those of [`CreationAct`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` makes no credential usable")]
pub struct UnknownAct(pub String);

impl CreationAct {
    /// Whether the credential existed before.
    pub fn is_reactivation(self) -> bool {
        match self {
            Self::CreateAccessKey
            | Self::CreateLoginProfile
            | Self::CreateServiceSpecificCredential
            | Self::UploadSshPublicKey
            | Self::UploadSigningCertificate => false,
            Self::UpdateAccessKey
            | Self::UpdateServiceSpecificCredential
            | Self::UpdateSshPublicKey
            | Self::UpdateSigningCertificate => true,
        }
    }

    /// The act that creates credentials of this kind, where an IAM user holds such.
    pub fn creating(kind: CredentialKind) -> Option<Self> {
        Self::ALL.iter().copied().find(|act| !act.is_reactivation() && act.kind() == kind)
    }
}

impl TryFrom<String> for CreationAct {
    type Error = UnknownAct;

    fn try_from(text: String) -> Result<Self, UnknownAct> {
        text.parse()
    }
}

impl From<CreationAct> for String {
    fn from(act: CreationAct) -> Self {
        act.as_str().to_owned()
    }
}

impl fmt::Display for CreationAct {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// A credential was created or re-activated: what one event tells.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Creation {
    /// The event's id: an event may come twice, late, and in any order.
    pub event: String,
    /// What was called.
    pub act: CreationAct,
    /// The credential.
    pub credential: CredentialId,
    /// The user that holds it. Another user may have borne the name before or since.
    pub user: UserName,
    /// The user's id, where the event tells it: IAM does so only of who calls.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub user_id: Option<UserId>,
    /// Who called.
    pub creator: Creator,
    /// From where: an address, or the name of a service of AWS.
    pub source: String,
    /// Whether the session had signed in with a second factor; `None` where the event does not tell.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub mfa: Option<bool>,
    /// When IAM was called.
    pub at: Timestamp,
    /// The region whose endpoint was called.
    pub region: String,
}

impl Creation {
    /// Whether the event is about this credential of a user of this name, which was created at `created`. The console
    /// password has no id of its own, so its date decides which of a name's passwords it is.
    pub fn is_of(&self, credential: &CredentialId, user: &UserName, created: Timestamp) -> bool {
        self.credential == *credential
            && (*credential != CredentialId::ConsolePassword
                || (self.user == *user && self.at.duration_since(created).abs() <= CLOCK_TOLERANCE))
    }
}

/// Who called IAM.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Creator {
    /// The user, role or other principal. A session counts as its role.
    pub principal: Principal,
    /// The session's name, of a role's session.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub session: Option<String>,
    /// The source identity that the session was begun with; nobody can change it afterwards.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub source_identity: Option<String>,
    /// The service that called in the principal's name.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub invoked_by: Option<String>,
}

/// A principal, as far as events tell them apart.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Principal {
    /// The account's root user.
    Root(Arn),
    /// An IAM user.
    User {
        /// Its id.
        id: UserId,
        /// Its ARN.
        arn: Arn,
    },
    /// A role.
    Role(Arn),
    /// A service of AWS on its own account.
    Service(String),
    /// Any other: its ARN, or the id that the event gives it.
    Other(String),
}

impl Principal {
    /// The ARN, or what an event gives in its place.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Root(arn) | Self::User { arn, .. } | Self::Role(arn) => arn.as_str(),
            Self::Service(name) | Self::Other(name) => name,
        }
    }

    /// Whether it is this user.
    pub fn is_user(&self, user: &UserId) -> bool {
        matches!(self, Self::User { id, .. } if id == user)
    }
}

impl fmt::Display for Creator {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { principal, session, source_identity, invoked_by } = self;
        formatter.write_str(principal.as_str())?;
        let said = [("session", session), ("source identity", source_identity), ("through", invoked_by)];
        let said: Vec<_> =
            said.into_iter().filter_map(|(what, said)| said.as_ref().map(|said| format!("{what} {said}"))).collect();
        if said.is_empty() { Ok(()) } else { write!(formatter, " ({})", said.join(", ")) }
    }
}

/// All that is known of who made credentials usable.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Provenance {
    /// When the account's credentials were first looked at.
    pub installed: Timestamp,
    /// What was recorded as it happened, or looked up since.
    pub creations: Creations,
    /// How completely events were looked up, by what was called.
    pub coverage: BTreeMap<CreationAct, Coverage>,
    /// The roles of our own functions.
    pub own_roles: BTreeSet<Arn>,
    /// What our own functions had written down before they did it.
    pub intents: Vec<Intended>,
}

impl Provenance {
    /// Nothing is known but when the account was first looked at.
    pub fn since(installed: Timestamp) -> Self {
        Self {
            installed,
            creations: Creations::default(),
            coverage: BTreeMap::new(),
            own_roles: BTreeSet::new(),
            intents: Vec::new(),
        }
    }

    /// Whether a credential is older than the installation.
    pub fn is_baseline(&self, created: Timestamp) -> bool {
        created < self.installed
    }

    /// Whether our own function had written down that it would re-activate `credential` of `user` then.
    pub fn intended(&self, user: &UserId, credential: &CredentialId, at: Timestamp) -> bool {
        self.intents.iter().any(|intent| intent.user == *user && intent.credential == *credential && intent.holds(at))
    }
}

/// Creations by credential, each event once. They are written as a list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<Creation>", into = "Vec<Creation>")]
pub struct Creations {
    /// In the order of the events' ids. Nearly all are one, for which a map would take the room of eleven.
    events: BTreeMap<CredentialId, Vec<Creation>>,
    /// Which credentials events name of a user, each once.
    of_users: BTreeMap<UserName, Vec<CredentialId>>,
}

impl Creations {
    /// Adds what an event tells; false if it was there already.
    pub fn insert(&mut self, creation: Creation) -> bool {
        let of_user = self.of_users.entry(creation.user.clone()).or_default();
        if !of_user.contains(&creation.credential) {
            of_user.reserve_exact(1);
            of_user.push(creation.credential.clone());
        }
        let of_credential = self.events.entry(creation.credential.clone()).or_default();
        match of_credential.binary_search_by(|known| known.event.cmp(&creation.event)) {
            Ok(place) => {
                if let Some(known) = of_credential.get_mut(place) {
                    *known = creation;
                }
                false
            }
            Err(place) => {
                of_credential.reserve_exact(1);
                of_credential.insert(place, creation);
                true
            }
        }
    }

    /// Whether the event was told already.
    pub fn knows(&self, creation: &Creation) -> bool {
        self.events.get(&creation.credential).is_some_and(|of| of.iter().any(|known| known.event == creation.event))
    }

    /// What events tell of one credential, the oldest first.
    pub fn of(&self, credential: &CredentialId, user: &UserName, created: Timestamp) -> Vec<&Creation> {
        let events = self.events.get(credential).into_iter().flatten();
        let mut events: Vec<_> = events.filter(|creation| creation.is_of(credential, user, created)).collect();
        events.sort_by(|one, other| (one.at, &one.event).cmp(&(other.at, &other.event)));
        events
    }

    /// What events tell of the credentials of whoever bore this name.
    pub fn of_user(&self, user: &UserName) -> impl Iterator<Item = &Creation> {
        let credentials = self.of_users.get(user).into_iter().flatten();
        let events = credentials.filter_map(|credential| self.events.get(credential)).flatten();
        events.filter(move |creation| creation.user == *user)
    }

    /// All of them, in the order of credentials and events.
    pub fn iter(&self) -> impl Iterator<Item = &Creation> {
        self.events.values().flatten()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.events.values().map(Vec::len).sum()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }
}

impl FromIterator<Creation> for Creations {
    fn from_iter<I: IntoIterator<Item = Creation>>(creations: I) -> Self {
        let mut all = Self::default();
        for creation in creations {
            all.insert(creation);
        }
        all
    }
}

impl From<Vec<Creation>> for Creations {
    fn from(creations: Vec<Creation>) -> Self {
        creations.into_iter().collect()
    }
}

impl From<Creations> for Vec<Creation> {
    fn from(creations: Creations) -> Self {
        creations.events.into_values().flatten().collect()
    }
}

/// Which events of one name `CloudTrail` was asked for, all of which are known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coverage {
    /// The first instant whose events were asked for.
    pub from: Timestamp,
    /// When they were asked for last. What happened shortly before may not have been told yet.
    pub asked: Timestamp,
    /// Events that were told but could not be read: what they are about is not known.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub unreadable: Vec<Unreadable>,
}

impl Coverage {
    /// Whether an event at `at` would be known if there were one.
    pub fn covers(&self, at: Timestamp) -> bool {
        self.from <= at && self.asked.duration_since(at) >= EVENT_LAG && self.unreadable_at(at).is_none()
    }

    /// An event of that time that could not be read, and so may be the one.
    pub fn unreadable_at(&self, at: Timestamp) -> Option<&Unreadable> {
        self.unreadable.iter().find(|event| event.at.duration_since(at).abs() <= CLOCK_TOLERANCE)
    }
}

/// An event that could not be read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Unreadable {
    /// When it happened.
    pub at: Timestamp,
    /// Its id, by which `CloudTrail` shows it for 90 days.
    pub event: String,
}

/// A creation or re-activation that one of our functions had written down before it set out to do it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intended {
    /// Whose credential.
    pub user: UserId,
    /// Which.
    pub credential: CredentialId,
    /// When it was written down.
    pub from: Timestamp,
    /// When it was settled; `None`: it is under way.
    pub until: Option<Timestamp>,
}

impl Intended {
    /// Whether the act at `at`, by AWS's clock, may be the one that was intended.
    fn holds(&self, at: Timestamp) -> bool {
        at.duration_since(self.from) >= -CLOCK_TOLERANCE
            && self.until.is_none_or(|until| at.duration_since(until) <= CLOCK_TOLERANCE)
    }
}

#[cfg(test)]
mod tests;
