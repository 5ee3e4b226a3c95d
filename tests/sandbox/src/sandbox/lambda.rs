//! Who invokes functions, and in whose name.

use std::sync::PoisonError;

use anyhow::{Context, Result, bail, ensure};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::Sandbox;
use crate::access::arn_matches;
use crate::automation::{self, Lambda};
use crate::call::Call;
use crate::event_bus::Delivery;
use crate::functions::{Ended, FunctionError, Invocation};

/// One invocation and who caused it.
#[derive(Clone, Debug)]
pub struct Invoked {
    /// Name of the function.
    pub function: String,
    /// Such as `config.amazonaws.com`, `automation` or `person`.
    pub by: String,
    /// Sandbox time at its beginning.
    pub at: Timestamp,
    /// The invocation.
    pub invocation: Invocation,
}

/// An event that a function failed on for the last time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailedEvent {
    /// ARN of the queue that keeps it.
    pub queue_arn: String,
    /// The event.
    pub event: Value,
}

impl Sandbox {
    /// Invokes a function in nobody's name, and records it.
    pub(super) async fn invoke_function(&self, function: &str, payload: &Value, by: &str) -> Result<Invocation> {
        // Tests change users past every service; IAM itself always knows them.
        self.refresh().await?;
        self.write_log(function)?;
        let at = self.now();
        let invocation = self.functions.invoke(function, payload).await;
        let invocation = invocation.with_context(|| format!("failed to invoke `{function}`"))?;
        let record = Invoked { function: function.to_owned(), by: by.to_owned(), at, invocation: invocation.clone() };
        self.invocations.lock().unwrap_or_else(PoisonError::into_inner).push(record);
        Ok(invocation)
    }

    /// A service invokes a function for a resource of the account: the function's permissions must let it.
    pub(super) async fn invoke_as_service(
        &self,
        service: &str,
        source_arn: &str,
        function_arn: &str,
        payload: &Value,
    ) -> Result<Invocation> {
        let function = function_arn.rsplit(':').next().unwrap_or(function_arn);
        let account = &self.deployment.scope.account;
        let allowed = self.deployment.permissions.iter().any(|permission| {
            permission.function == function
                && permission.principal == service
                && permission.source_account.as_ref().is_none_or(|only| only == account)
                && permission.source_arn.as_ref().is_none_or(|pattern| arn_matches(pattern, source_arn))
        });
        ensure!(allowed, "no permission lets `{service}` invoke `{function}` for `{source_arn}`");
        self.invoke_function(function, payload, service).await
    }

    /// A function failed on an event that Lambda keeps for it. After the last attempt Lambda puts the event into a queue, in
    /// the function's role.
    pub(super) fn failed_on(&self, delivery: &Delivery) -> Result<()> {
        if self.event_bus.failed(delivery, self.now()) {
            return Ok(());
        }
        let Some(queue) = self.event_bus.on_failure(delivery) else { return Ok(()) };
        let function = delivery.function_arn.rsplit(':').next().unwrap_or_default();
        let deployed = self.deployment.functions.get(function);
        let role_arn = &deployed.with_context(|| format!("there is no function `{function}`"))?.role_arn;
        let call = self.call_of(function, "sqs:SendMessage", json!({ "QueueArn": queue }));
        if let Err(denied) = self.access.check_in_role(role_arn, &call) {
            bail!("Lambda cannot keep an event of function `{function}`: {}", denied.0);
        }
        let failed = FailedEvent { queue_arn: queue.to_owned(), event: delivery.event.clone() };
        self.failed_events.lock().unwrap_or_else(PoisonError::into_inner).push(failed);
        Ok(())
    }

    /// Lambda writes a function's log in the function's role.
    fn write_log(&self, function: &str) -> Result<()> {
        let deployed = self.deployment.functions.get(function);
        let role_arn = &deployed.with_context(|| format!("there is no function `{function}`"))?.role_arn;
        let log = json!({ "logGroupName": format!("/aws/lambda/{function}"), "logStreamName": "sandbox" });
        for action in ["logs:CreateLogStream", "logs:PutLogEvents"] {
            let call = self.call_of(function, action, log.clone());
            if let Err(denied) = self.access.check_in_role(role_arn, &call) {
                bail!("function `{function}` cannot write its log: {}", denied.0);
            }
        }
        Ok(())
    }

    fn call_of(&self, caller: &str, action: &str, parameters: Value) -> Call {
        let service = action.split(':').next().unwrap_or_default().to_owned();
        let (at, caller, action) = (self.now(), caller.to_owned(), action.to_owned());
        Call { number: 0, at, caller, service, action, parameters }
    }
}

impl Lambda for Sandbox {
    async fn invoke(&self, role_arn: &str, function: &str, payload: &Value) -> Result<automation::Invoked> {
        let role = self.deployment.roles.get(role_arn);
        let role = role.with_context(|| format!("role `{role_arn}` is not in the template"))?;
        ensure!(
            role.trusted_services.iter().any(|service| service == "ssm.amazonaws.com"),
            "SSM may not act in role `{}`",
            role.name
        );
        let call = self.call_of("automation", "lambda:InvokeFunction", json!({ "FunctionName": function }));
        if let Err(denied) = self.access.check_in_role(role_arn, &call) {
            bail!("{}", denied.0);
        }
        let invocation = self.invoke_function(function, payload, "automation").await?;
        let unhandled = |kind: &str, message: &str| automation::Invoked {
            function_error: Some("Unhandled".to_owned()),
            payload: json!({ "errorType": kind, "errorMessage": message }).to_string(),
        };
        Ok(match &invocation.result {
            Ended::Answered(_) => automation::Invoked { function_error: None, payload: invocation.answer },
            Ended::Failed(FunctionError { kind, message }) => unhandled(kind, message),
            Ended::TimedOut => unhandled("Sandbox.Timedout", "Task timed out"),
            Ended::Died => unhandled("Runtime.ExitError", "Runtime exited without providing a reason"),
        })
    }
}
