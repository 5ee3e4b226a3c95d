//! Which layer of the policy set each limit, so that a person knows where to change it.

use std::collections::BTreeMap;
use std::fmt;

use credwarden_credential::age::Days;
use credwarden_credential::kind::CredentialKind;
use credwarden_credential::snapshot::User;
use serde::{Serialize, Serializer};

use crate::check::DEFAULT_CLASS;
use crate::class::ClassName;
use crate::creation::{Allowed, AtMost, CreationEntry};
use crate::document::LimitsEntry;
use crate::limits::{Limits, MAX_AGE_TAG, UNUSED_TAG};
use crate::policy::Policy;

/// The layer that set a limit. A later one counts more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Layer {
    /// The document that stands for all that another leaves out ([`crate::document::DEFAULT`]).
    BuiltIn,
    /// What the policy says under `default`, where it is not the built-in document itself.
    Default,
    /// What the policy says under the user's class.
    Class,
    /// The user's tag of this key. It can only lower a limit.
    Tag(&'static str),
}

impl fmt::Display for Layer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BuiltIn => formatter.write_str("built-in"),
            Self::Default => formatter.write_str("default"),
            Self::Class => formatter.write_str("class"),
            Self::Tag(key) => write!(formatter, "tag {key}"),
        }
    }
}

impl Serialize for Layer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A value, and the layer that set it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct SetBy<T> {
    /// The value that holds.
    pub value: T,
    /// Who set it.
    pub layer: Layer,
}

/// The limits of one kind of credential of one user, each with the layer that set it. The values are those of
/// [`Policy::limits`], and mean what [`Limits`] says of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct LimitLayers {
    /// [`Limits::max_age`].
    #[serde(rename = "maxAgeDays")]
    pub max_age: SetBy<Option<Days>>,
    /// [`Limits::warn`].
    #[serde(rename = "warnDays")]
    pub warn: SetBy<Days>,
    /// [`Limits::unused`].
    #[serde(rename = "unusedDays")]
    pub unused: SetBy<Option<Days>>,
    /// [`Limits::never_used`].
    #[serde(rename = "neverUsedDays")]
    pub never_used: SetBy<Option<Days>>,
    /// [`Limits::in_use`].
    #[serde(rename = "inUseDays")]
    pub in_use: SetBy<Days>,
    /// [`Limits::undo`].
    #[serde(rename = "undoDays")]
    pub undo: SetBy<Days>,
}

/// What the policy says of the creation of one class's credentials, each with the layer that set it. The values are those
/// of [`Policy::creation`]; what nobody set is absent, and is as [`CreationEntry`] says of what is left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CreationLayers {
    /// [`CreationEntry::creators`]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub creators: Option<SetBy<Allowed>>,
    /// [`CreationEntry::source_identities`]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_identities: Option<SetBy<Allowed>>,
    /// [`CreationEntry::self_service`]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub self_service: Option<SetBy<bool>>,
    /// [`CreationEntry::kinds`]
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub kinds: BTreeMap<CredentialKind, SetBy<AtMost>>,
    /// [`CreationEntry::baseline`]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub baseline: Option<SetBy<bool>>,
}

impl LimitLayers {
    /// The limits alone.
    pub fn limits(&self) -> Limits {
        Limits {
            max_age: self.max_age.value,
            warn: self.warn.value,
            unused: self.unused.value,
            never_used: self.never_used.value,
            in_use: self.in_use.value,
            undo: self.undo.value,
        }
    }
}

impl Policy {
    /// The limits of one kind of credential of `user`, who belongs to `class`, each with the layer that set it.
    pub fn limit_layers(&self, user: &User, class: &ClassName, kind: CredentialKind) -> LimitLayers {
        let of_class = self.limits_of_class(class, kind);
        let of_user = of_class.lowered_for(user);
        let written = |class: &str| {
            let kinds = self.document.limits.get(class)?;
            kinds.get(kind.as_str()).copied()
        };
        let layers = [
            (Layer::Class, written(class.as_str()).unwrap_or_default()),
            (self.default_layer(), written(DEFAULT_CLASS).unwrap_or_default()),
        ];
        let Limits { max_age, warn, unused, never_used, in_use, undo } = of_user;
        LimitLayers {
            max_age: set_by(max_age, of_class.max_age, MAX_AGE_TAG, &layers, |entry| entry.max_age_days.is_some()),
            warn: set_by(warn, of_class.warn, MAX_AGE_TAG, &layers, |entry| entry.warn_days.is_some()),
            unused: set_by(unused, of_class.unused, UNUSED_TAG, &layers, |entry| entry.unused_days.is_some()),
            never_used: set_by(never_used, of_class.never_used, UNUSED_TAG, &layers, |entry| {
                entry.never_used_days.is_some()
            }),
            in_use: written_by(in_use, &layers, |entry| entry.in_use_days.is_some()),
            undo: written_by(undo, &layers, |entry| entry.undo_days.is_some()),
        }
    }

    /// What is said of the creation of credentials of users of `class`, each with the layer that set it.
    pub fn creation_layers(&self, class: &ClassName) -> CreationLayers {
        let written = |layer, class: &str| self.document.creation.get(class).map(|entry| (layer, entry));
        let layers = [written(Layer::Class, class.as_str()), written(self.default_layer(), DEFAULT_CLASS)];
        let layers: Vec<_> = layers.into_iter().flatten().collect();
        let at_most = |kind: CredentialKind| {
            let set_by = first(&layers, |entry| entry.kinds.as_ref()?.get(kind.as_str()).copied())?;
            Some((kind, set_by))
        };
        CreationLayers {
            creators: first(&layers, |entry| entry.creators.clone()),
            source_identities: first(&layers, |entry| entry.source_identities.clone()),
            self_service: first(&layers, |entry| entry.self_service),
            kinds: CredentialKind::OF_USERS.into_iter().filter_map(at_most).collect(),
            baseline: first(&layers, |entry| entry.baseline),
        }
    }

    /// What `default` is in this policy.
    fn default_layer(&self) -> Layer {
        if *self == Self::default() { Layer::BuiltIn } else { Layer::Default }
    }
}

/// The limit `of_user`: the tag set it where it differs from that `of_class`.
fn set_by<T: Copy + PartialEq>(
    of_user: T,
    of_class: T,
    tag: &'static str,
    layers: &[(Layer, LimitsEntry)],
    names: impl Fn(&LimitsEntry) -> bool,
) -> SetBy<T> {
    if of_user == of_class {
        written_by(of_user, layers, names)
    } else {
        SetBy { value: of_user, layer: Layer::Tag(tag) }
    }
}

/// The first of `layers` that names the limit set it, else the built-in document, which names every one.
fn written_by<T>(value: T, layers: &[(Layer, LimitsEntry)], names: impl Fn(&LimitsEntry) -> bool) -> SetBy<T> {
    let layer = layers.iter().find(|(_, entry)| names(entry)).map_or(Layer::BuiltIn, |(layer, _)| *layer);
    SetBy { value, layer }
}

/// What the first of `layers` that says it says.
fn first<T>(layers: &[(Layer, &CreationEntry)], said: impl Fn(&CreationEntry) -> Option<T>) -> Option<SetBy<T>> {
    layers.iter().find_map(|(layer, entry)| Some(SetBy { value: said(entry)?, layer: *layer }))
}
