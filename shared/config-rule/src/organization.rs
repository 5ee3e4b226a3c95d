use crate::{AccountId, EventError, event::Event};

/// The rule parameter that names the role to assume.
const ROLE_NAME: &str = "ExecutionRoleName";

/// The rule parameter that says at which region's STS.
const ROLE_REGION: &str = "ExecutionRoleRegion";

/// The rule parameter that says whether.
const ASSUME_ROLE_MODE: &str = "AssumeRoleMode";

/// What a role of this path trusts is one service of AWS, never a function.
const SERVICE_LINKED_PATH: &str = "aws-service-role/";

/// The role that a function assumes in order to read another account, and to report on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecutionRole {
    /// For example `arn:aws:iam::123456789012:role/config-rules`.
    pub arn: String,
    /// The region whose STS is asked; nothing for the function's own.
    pub region: Option<String>,
}

/// The account of a function, out of its ARN (`arn:aws:lambda:us-east-1:123456789012:function:name`).
pub(crate) fn function_account(function_arn: &str) -> Option<AccountId> {
    function_arn.split(':').nth(4).and_then(AccountId::parse)
}

/// Takes the three parameters out of the event's, and says which role they ask for; nothing for the function's own
/// credentials.
pub(crate) fn execution_role(event: &mut Event, function: &AccountId) -> Result<Option<ExecutionRole>, EventError> {
    let mut take = |name| event.parameters.remove(name).filter(|text| !text.trim().is_empty());
    let (name, region, mode) = (take(ROLE_NAME), take(ROLE_REGION), take(ASSUME_ROLE_MODE));
    let refuse = |parameter: &str, problem: &str| {
        event.refuse(format!("field `ruleParameters`: parameter `{parameter}`: {problem}"))
    };
    let elsewhere = event.account_id != *function;
    let assumes = match mode.as_deref().map(str::to_ascii_lowercase).as_deref() {
        None => elsewhere,
        Some("true") => true,
        Some("false") if elsewhere => {
            let problem = format!(
                "`false` is refused: the event is of account {}, but what the function reads as itself is of account \
                 {function}",
                event.account_id
            );
            return Err(refuse(ASSUME_ROLE_MODE, &problem));
        }
        Some("false") => false,
        Some(other) => return Err(refuse(ASSUME_ROLE_MODE, &format!("`{other}` is neither true nor false"))),
    };
    if !assumes {
        return Ok(None);
    }
    if let Some(name) = name.as_deref().filter(|name| !is_role_name(name)) {
        return Err(refuse(ROLE_NAME, &format!("`{name}` is not the name of a role")));
    }
    let given = &event.execution_role_arn;
    let Some((prefix, path)) = role_of(given, &event.account_id) else {
        let problem = format!("field `executionRoleArn`: `{given}` is no role of account {}", event.account_id);
        return Err(event.refuse(problem));
    };
    let arn = match name {
        Some(name) => format!("{prefix}/{name}"),
        None if path.starts_with(SERVICE_LINKED_PATH) => {
            let problem = format!("it is missing, and `{given}`, which AWS Config uses, trusts no function");
            return Err(refuse(ROLE_NAME, &problem));
        }
        None => given.clone(),
    };
    Ok(Some(ExecutionRole { arn, region }))
}

/// The ARN of a role of the account, cut before and after its first slash.
fn role_of<'a>(arn: &'a str, account: &AccountId) -> Option<(&'a str, &'a str)> {
    let (prefix, path) = arn.split_once('/')?;
    let mut parts = prefix.split(':');
    let is_role = parts.next() == Some("arn")
        && parts.next().is_some_and(|partition| !partition.is_empty())
        && parts.next() == Some("iam")
        && parts.next() == Some("")
        && parts.next() == Some(account.as_str())
        && parts.next() == Some("role")
        && parts.next().is_none();
    is_role.then_some((prefix, path))
}

/// Names as IAM takes them, after a path or not.
fn is_role_name(name: &str) -> bool {
    name.split('/').all(|part| {
        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_+=,.@-".contains(&byte))
    })
}
