//! Whether the role of a caller allows a call: IAM's own evaluation of the template's policies.
//!
//! Emulators get resources and conditions wrong, so none is relied on. Explicit deny wins, what nothing allows is denied,
//! and a call whose resources the sandbox cannot tell is denied with its name.

mod condition;
mod pattern;
mod policy;
mod request;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::call::{Call, Denied, Gate};
use crate::directory::Directory;
use crate::template::{Deployment, Scope};

pub(crate) use pattern::arn_matches;

use policy::{Decision, Policy};
use request::Request;

/// The roles of a deployment, who acts in which, and which of their grants were needed so far.
#[derive(Debug)]
pub struct Access {
    scope: Scope,
    directory: Directory,
    roles: BTreeMap<String, RoleAccess>,
    /// Role ARN by caller.
    callers: BTreeMap<String, String>,
    /// People with a policy of their own; all others are administrators.
    confined: Mutex<BTreeMap<String, Arc<RoleAccess>>>,
    seen: Mutex<Seen>,
}

#[derive(Debug)]
struct RoleAccess {
    name: String,
    policies: Vec<Policy>,
}

#[derive(Debug, Default)]
struct Seen {
    used: BTreeSet<Grant>,
    refusals: Vec<Refusal>,
}

/// One action that one statement of a role allows.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Grant {
    /// Name of the role.
    pub role: String,
    /// Name of the policy.
    pub policy: String,
    /// Place of the statement in the policy, from zero.
    pub statement: usize,
    /// The action as the statement writes it.
    pub action: String,
}

/// A call that was denied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Who called.
    pub caller: String,
    /// The action that was not allowed, which an implied one such as `iam:PassRole` may be.
    pub action: String,
    /// The resource.
    pub resource: String,
    /// Whether a statement denies it, rather than none allowing it.
    pub explicit: bool,
}

impl Access {
    /// Reads every policy of the deployment. Functions act in their roles.
    pub fn new(deployment: &Deployment, directory: Directory) -> Result<Self> {
        let mut roles = BTreeMap::new();
        for (arn, role) in &deployment.roles {
            let mut policies = Vec::new();
            for (name, document) in &role.policies {
                let place = || format!("policy `{name}` of role `{}`", role.name);
                policies.push(Policy::parse(name, document).with_context(place)?);
            }
            roles.insert(arn.clone(), RoleAccess { name: role.name.clone(), policies });
        }
        let mut callers = BTreeMap::new();
        for function in deployment.functions.values() {
            let role = deployment.roles.get(&function.role_arn);
            let role =
                role.with_context(|| format!("the role of function `{}` is not in the template", function.name))?;
            ensure!(
                role.trusted_services.iter().any(|service| service == "lambda.amazonaws.com"),
                "Lambda may not act in role `{}` of function `{}`",
                role.name,
                function.name
            );
            callers.insert(function.name.clone(), function.role_arn.clone());
        }
        let (scope, confined, seen) = (deployment.scope.clone(), Mutex::default(), Mutex::default());
        Ok(Self { scope, directory, roles, callers, confined, seen })
    }

    /// From now on the person may do what this policy allows, and nothing else. Grants that it needed are among
    /// [`Access::used`], the caller in place of a role.
    pub fn confine(&self, caller: &str, policy: &Value) -> Result<()> {
        ensure!(caller.starts_with(PERSON), "`{caller}` is no person");
        let place = || format!("the policy of `{caller}`");
        let policies = vec![Policy::parse("inline", policy).with_context(place)?];
        let mut confined = self.confined.lock().unwrap_or_else(PoisonError::into_inner);
        confined.insert(caller.to_owned(), Arc::new(RoleAccess { name: caller.to_owned(), policies }));
        Ok(())
    }

    /// Everything that the roles allow, action by action.
    pub fn grants(&self) -> BTreeSet<Grant> {
        let grants = self.roles.values().flat_map(|role| {
            role.policies.iter().flat_map(|policy| policy.grants().map(|(at, action)| role.grant(policy, at, action)))
        });
        grants.collect()
    }

    /// The grants that have let a call pass so far.
    pub fn used(&self) -> BTreeSet<Grant> {
        self.seen().used.clone()
    }

    /// Every denied call so far.
    pub fn refusals(&self) -> Vec<Refusal> {
        self.seen().refusals.clone()
    }

    /// Whether `role_arn` allows a call that a service makes in it; `caller` is for the record.
    pub fn check_in_role(&self, role_arn: &str, call: &Call) -> Result<(), Denied> {
        let Some(role) = self.roles.get(role_arn) else {
            return Err(Denied(format!("role `{role_arn}` of `{}` is not in the template", call.caller)));
        };
        self.check_by(role, &self.session_arn(role, &call.caller), call)
    }

    /// Whether the policies of a role or a person allow a call; `who` is the ARN of whoever calls.
    fn check_by(&self, role: &RoleAccess, who: &str, call: &Call) -> Result<(), Denied> {
        let requests = request::requests(call, &self.scope, &self.directory).map_err(|problem| {
            Denied(format!("the sandbox does not know which resources {} touches: {problem}", call.action))
        })?;
        for request in requests {
            for resource in &request.resources {
                self.check_resource(role, who, call, &request, resource)?;
            }
        }
        Ok(())
    }

    fn check_resource(
        &self,
        role: &RoleAccess,
        who: &str,
        call: &Call,
        request: &Request,
        resource: &str,
    ) -> Result<(), Denied> {
        let mut allowed = Vec::new();
        let mut denied_by = None;
        for policy in &role.policies {
            let decision = policy.decide(&request.action, resource, &request.context);
            match decision.map_err(|problem| Denied(format!("role `{}`: {problem:#}", role.name)))? {
                Decision::Denied => denied_by = Some(&policy.name),
                Decision::Allowed(by) => {
                    allowed.extend(by.into_iter().map(|(at, action)| role.grant(policy, at, &action)));
                }
                Decision::Silent => {}
            }
        }
        if denied_by.is_none() && !allowed.is_empty() {
            self.seen().used.extend(allowed);
            return Ok(());
        }
        let Request { action, .. } = request;
        self.seen().refusals.push(Refusal {
            caller: call.caller.clone(),
            action: action.clone(),
            resource: resource.to_owned(),
            explicit: denied_by.is_some(),
        });
        let why = match denied_by {
            Some(policy) => format!("with an explicit deny in an identity-based policy: {policy}"),
            None => format!("because no identity-based policy allows the {action} action"),
        };
        Err(Denied(format!("User: {who} is not authorized to perform: {action} on resource: {resource} {why}")))
    }

    /// The ARN under which a caller appears: the session of its role.
    pub fn caller_arn(&self, caller: &str) -> String {
        match self.callers.get(caller).and_then(|arn| self.roles.get(arn)) {
            Some(role) => self.session_arn(role, caller),
            None => self.scope.iam_arn(&format!("user/{}", caller.strip_prefix(PERSON).unwrap_or(caller))),
        }
    }

    fn session_arn(&self, role: &RoleAccess, session: &str) -> String {
        format!("arn:aws:sts::{}:assumed-role/{}/{session}", self.scope.account, role.name)
    }

    fn seen(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RoleAccess {
    fn grant(&self, policy: &Policy, statement: usize, action: &str) -> Grant {
        Grant { role: self.name.clone(), policy: policy.name.clone(), statement, action: action.to_owned() }
    }
}

impl Gate for Access {
    /// People are administrators unless confined; everybody else is a function.
    fn check(&self, call: &Call) -> Result<(), Denied> {
        if call.caller.starts_with(PERSON) {
            let confined = self.confined.lock().unwrap_or_else(PoisonError::into_inner).get(&call.caller).cloned();
            return confined.map_or(Ok(()), |policies| self.check_by(&policies, &self.caller_arn(&call.caller), call));
        }
        match self.callers.get(&call.caller) {
            Some(role_arn) => self.check_in_role(role_arn, call),
            None => Err(Denied(format!("caller `{}` of {} has no role", call.caller, call.action))),
        }
    }
}

/// What begins the name of a caller who is a person.
const PERSON: &str = "person:";
