#![doc = include_str!("../README.md")]

mod annotation;
mod change;
mod client;
mod comparison;
mod delivery;
mod error;
mod evaluation;
mod event;
mod fields;
mod item;
mod lambda;
pub mod metrics;
mod organization;
mod parameters;
mod pass;
mod resource;
mod rule;
mod service;
mod trigger;

pub use annotation::{Annotation, MAX_ANNOTATION_CHARS};
pub use change::{ChangeRule, NotInHistory};
pub use comparison::{MAX_RESULT_AGE, StoredResults, what_to_send};
pub use delivery::NotAccepted;
pub use error::EvaluationError;
pub use evaluation::{Report, evaluate, evaluate_in_organization};
pub use event::{EventError, ResultToken};
pub use item::{ConfigurationItem, ItemStatus, Relationship};
pub use lambda::{run, run_in_organization};
pub use organization::ExecutionRole;
pub use parameters::NoParameters;
pub use pass::{Compliance, Coverage, Judgement, Pass};
pub use resource::{InvalidResource, Resource};
pub use rule::{AccountId, ConfigRule, Invocation, Rule};
pub use service::{CompliancePage, ConfigService, Evaluation, MAX_BATCH, PutEvaluations, ServiceError, StoredResult};
pub use trigger::{Never, OnChange, OnScheduleAndChange, Triggers};
