//! Which users and groups exist: what IAM itself knows when it forms a resource's ARN from a name.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use serde_json::Value;

use crate::template::Scope;

/// A user as IAM identifies it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Its name.
    pub name: String,
    /// Its unique id, `AIDA…`.
    pub id: String,
    /// Its path, `/` by default.
    pub path: String,
    /// Ids of its access keys.
    pub keys: Vec<String>,
}

impl User {
    /// Its ARN.
    pub fn arn(&self, scope: &Scope) -> String {
        scope.iam_arn(&format!("user{}{}", self.path, self.name))
    }
}

/// The users and groups of the account. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Directory {
    people: Arc<RwLock<People>>,
}

#[derive(Debug, Default)]
struct People {
    users: Vec<User>,
    /// Paths of groups by name.
    groups: BTreeMap<String, String>,
    /// Names that Config has recorded for an id, of deleted users too.
    recorded: BTreeMap<String, String>,
}

impl Directory {
    /// Takes over what is true now.
    pub fn replace(&self, users: Vec<User>, groups: BTreeMap<String, String>) {
        let mut people = self.people.write().unwrap_or_else(PoisonError::into_inner);
        for user in &users {
            people.recorded.insert(user.id.clone(), user.name.clone());
        }
        people.users = users;
        people.groups = groups;
    }

    /// Takes over users and groups out of a seed, or of the emulator's truth, which has the same form.
    pub fn replace_from(&self, account: &Value) {
        let text = |value: &Value, name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
        let list = |name: &str| account.get(name).and_then(Value::as_array).into_iter().flatten();
        let user = |user: &Value| {
            let keys = user.get("keys").and_then(Value::as_array).into_iter().flatten();
            Some(User {
                name: text(user, "name")?,
                id: text(user, "id")?,
                path: text(user, "path").unwrap_or_else(|| "/".to_owned()),
                keys: keys.filter_map(|key| text(key, "id")).collect(),
            })
        };
        let group = |group: &Value| Some((text(group, "name")?, text(group, "path").unwrap_or_else(|| "/".to_owned())));
        self.replace(list("users").filter_map(user).collect(), list("groups").filter_map(group).collect());
    }

    /// The user of that name.
    pub fn named(&self, name: &str) -> Option<User> {
        self.find(|user| user.name == name)
    }

    /// The user of that id.
    pub fn with_id(&self, id: &str) -> Option<User> {
        self.find(|user| user.id == id)
    }

    /// The user whose access key it is.
    pub fn owner_of(&self, access_key_id: &str) -> Option<User> {
        self.find(|user| user.keys.iter().any(|key| key == access_key_id))
    }

    /// Path of the group of that name.
    pub fn group_path(&self, name: &str) -> Option<String> {
        self.people.read().unwrap_or_else(PoisonError::into_inner).groups.get(name).cloned()
    }

    /// The name last recorded for an id, whether or not the user still exists.
    pub fn recorded_name(&self, id: &str) -> Option<String> {
        self.people.read().unwrap_or_else(PoisonError::into_inner).recorded.get(id).cloned()
    }

    fn find(&self, wanted: impl Fn(&User) -> bool) -> Option<User> {
        let people = self.people.read().unwrap_or_else(PoisonError::into_inner);
        people.users.iter().find(|user| wanted(user)).cloned()
    }
}
