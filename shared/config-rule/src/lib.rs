#![doc = include_str!("../README.md")]

mod annotation;
mod client;
mod comparison;
mod delivery;
mod evaluation;
mod event;
mod lambda;
pub mod metrics;
mod parameters;
mod pass;
mod resource;
mod rule;
mod service;

pub use annotation::{Annotation, MAX_ANNOTATION_CHARS};
pub use comparison::{MAX_RESULT_AGE, StoredResults, what_to_send};
pub use delivery::NotAccepted;
pub use evaluation::{EvaluationError, Report, evaluate};
pub use event::{EventError, ResultToken};
pub use lambda::run;
pub use parameters::NoParameters;
pub use pass::{Compliance, Coverage, Judgement, Pass};
pub use resource::{InvalidResource, Resource};
pub use rule::{AccountId, ConfigRule, Invocation, Rule};
pub use service::{CompliancePage, ConfigService, Evaluation, MAX_BATCH, PutEvaluations, ServiceError, StoredResult};
