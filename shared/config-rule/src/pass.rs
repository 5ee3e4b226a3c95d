use std::collections::BTreeMap;

use crate::{Annotation, Resource};

/// What one invocation of a rule found out.
///
/// A *pass* over everything that the rule judges may take several invocations, for instance because the time of one
/// runs out. Each of them reports what it judged. Only an invocation that ends a pass
/// ([`Coverage::Complete`]) may clean up, and then every stored result about a resource that `judgements` does not
/// name is taken back: the resource is gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pass<Progress = ()> {
    /// What is said of each resource. One resource, one judgement.
    pub judgements: BTreeMap<Resource, Judgement>,
    /// Whether everything that exists has now been looked at.
    pub coverage: Coverage,
    /// What the rule is handed back in [`Rule::reported`](crate::Rule::reported).
    pub progress: Progress,
    /// What else the function's answer is to tell whoever invokes it by hand.
    pub remarks: Vec<String>,
}

impl Pass {
    /// Everything that exists was looked at; what `judgements` does not name is gone.
    pub fn complete(judgements: BTreeMap<Resource, Judgement>) -> Self {
        Self { judgements, coverage: Coverage::Complete, progress: (), remarks: Vec::new() }
    }

    /// Only a part was looked at; nothing is taken back.
    pub fn partial(judgements: BTreeMap<Resource, Judgement>) -> Self {
        Self { judgements, coverage: Coverage::Partial, progress: (), remarks: Vec::new() }
    }
}

/// How far an invocation brought its pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coverage {
    /// The pass ends here. Every resource that exists has its judgement; what was judged by an earlier invocation of
    /// this pass must be named as [`Judgement::JudgedEarlier`], what could not be judged as [`Judgement::Unknown`].
    Complete,
    /// There is more to look at. An absent resource may exist all the same, so that nothing is cleaned up.
    Partial,
}

/// What a rule says of one resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Judgement {
    /// The rule has an answer.
    Judged {
        /// The answer.
        compliance: Compliance,
        /// What is said beside it.
        annotation: Annotation,
    },
    /// The resource exists, but what would decide could not be learnt. Nothing is sent, and the result that AWS
    /// Config has, if any, stays as it is.
    Unknown,
    /// An earlier invocation of this pass has judged the resource; that result stands.
    JudgedEarlier,
}

impl Judgement {
    /// The resource complies.
    pub fn compliant(annotation: Annotation) -> Self {
        Self::Judged { compliance: Compliance::Compliant, annotation }
    }

    /// The resource does not comply.
    pub fn non_compliant(annotation: Annotation) -> Self {
        Self::Judged { compliance: Compliance::NonCompliant, annotation }
    }

    /// The rule does not apply to the resource: an earlier result is taken back.
    pub fn not_applicable() -> Self {
        Self::Judged { compliance: Compliance::NotApplicable, annotation: Annotation::none() }
    }
}

/// The answers that AWS Config takes from a custom rule. (It knows `INSUFFICIENT_DATA` too, but refuses it from one.)
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Compliance {
    /// `NON_COMPLIANT`
    NonCompliant,
    /// `COMPLIANT`
    Compliant,
    /// `NOT_APPLICABLE`: AWS Config deletes the result it has. Not billed.
    NotApplicable,
}
