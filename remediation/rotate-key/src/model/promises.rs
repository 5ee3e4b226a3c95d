//! Whether a model keeps its promises.

use std::hash::Hash;

use stateright::{Checker, HasDiscoveries, Model};

/// The promise that is broken, if one is.
pub(crate) fn broken<M>(model: M) -> Option<&'static str>
where
    M: Model<State: Clone + Hash + PartialEq + Send + Sync, Action: Clone + PartialEq> + Send + Sync + 'static,
{
    let checker = model.checker().finish_when(HasDiscoveries::AnyFailures).spawn_bfs().join();
    let promises =
        checker.model().properties().into_iter().filter(|property| {
            property.expectation.discovery_is_failure() && checker.discovery(property.name).is_some()
        });
    promises.map(|property| property.name).next()
}
