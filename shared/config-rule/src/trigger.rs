use std::{convert::Infallible, marker::PhantomData};

use serde::de::DeserializeOwned;

use crate::{ChangeRule, ConfigurationItem, Invocation, Judgement, Pass, Rule};

/// What a rule is triggered by, so that an event of another kind is refused.
///
/// Every [`Rule`] is triggered by the schedule, [`OnChange`] makes of a [`ChangeRule`] one that is triggered by changes,
/// and [`OnScheduleAndChange`] takes a rule that is both. The Config rule needs the source details of the same message
/// types: `ScheduledNotification` for the schedule, and for changes both `ConfigurationItemChangeNotification` and
/// `OversizedConfigurationItemChangeNotification`.
pub trait Triggers {
    /// The rule's parameters, the same for every trigger.
    type Parameters: DeserializeOwned;
    /// What judges everything on the schedule.
    type Scheduled: Rule<Parameters = Self::Parameters>;
    /// What judges a resource that has changed.
    type Changed: ChangeRule<Parameters = Self::Parameters>;

    /// The rule, if the schedule triggers it.
    fn scheduled(&self) -> Option<&Self::Scheduled>;

    /// The rule, if changes trigger it.
    fn changed(&self) -> Option<&Self::Changed>;
}

/// A rule that is triggered by changes alone.
#[derive(Debug, Clone, Copy)]
pub struct OnChange<C>(pub C);

/// A rule that is triggered by the schedule and by changes.
///
/// A complete pass of the schedule takes back every result whose resource it does not name, those of changes too: it has
/// to look at every resource that a change may report.
#[derive(Debug, Clone, Copy)]
pub struct OnScheduleAndChange<B>(pub B);

/// A rule that there is none of, in place of the one for a trigger that a rule does not have.
#[derive(Debug)]
pub struct Never<P>(Infallible, PhantomData<P>);

impl<R: Rule> Triggers for R {
    type Parameters = R::Parameters;
    type Scheduled = R;
    type Changed = Never<R::Parameters>;

    fn scheduled(&self) -> Option<&R> {
        Some(self)
    }

    fn changed(&self) -> Option<&Self::Changed> {
        None
    }
}

impl<C: ChangeRule> Triggers for OnChange<C> {
    type Parameters = C::Parameters;
    type Scheduled = Never<C::Parameters>;
    type Changed = C;

    fn scheduled(&self) -> Option<&Self::Scheduled> {
        None
    }

    fn changed(&self) -> Option<&C> {
        const { assert!(!C::RESOURCE_TYPES.is_empty(), "a rule that is triggered by changes needs a resource type") }
        Some(&self.0)
    }
}

impl<B> Triggers for OnScheduleAndChange<B>
where
    B: Rule + ChangeRule<Parameters = <B as Rule>::Parameters>,
{
    type Parameters = <B as Rule>::Parameters;
    type Scheduled = B;
    type Changed = B;

    fn scheduled(&self) -> Option<&B> {
        Some(&self.0)
    }

    fn changed(&self) -> Option<&B> {
        const { assert!(!B::RESOURCE_TYPES.is_empty(), "a rule that is triggered by changes needs a resource type") }
        Some(&self.0)
    }
}

impl<P: DeserializeOwned> Rule for Never<P> {
    type Parameters = P;
    type Progress = ();
    type Error = Infallible;

    async fn evaluate(&self, _: &Invocation<P>) -> Result<Pass, Infallible> {
        match self.0 {}
    }
}

impl<P: DeserializeOwned> ChangeRule for Never<P> {
    const RESOURCE_TYPES: &'static [&'static str] = &[];
    type Parameters = P;
    type Error = Infallible;

    async fn judge(&self, _: &ConfigurationItem, _: &Invocation<P>) -> Result<Judgement, Infallible> {
        match self.0 {}
    }
}
