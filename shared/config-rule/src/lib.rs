//! AWS Config's protocol for scheduled custom rules.

mod annotation;
mod lambda;
mod parameters;
mod pass;
mod resource;
mod rule;

pub use annotation::{Annotation, MAX_ANNOTATION_CHARS};
pub use lambda::run;
pub use parameters::NoParameters;
pub use pass::{Compliance, Coverage, Judgement, Pass};
pub use resource::{InvalidResource, Resource};
pub use rule::{AccountId, ConfigRule, Invocation, Rule};
