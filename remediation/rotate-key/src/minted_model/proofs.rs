//! What the checker finds: nothing, and something as soon as any guard is taken out.

use stateright::{Checker, Model};

use super::owner::Deed::{self, Acknowledge, Create, Fetch, SwitchOther, SwitchPolicy, Try};
use super::owner::{DEEDS, OF_THE_SECRET};
use super::state::{Besides, Setting};
use super::system::{
    FORGOTTEN, LEFT, NO_KEY_THAT_WORKS, NO_ROOM, NOT_FETCHED, NOT_OURS, Rotations, ShellGuard, TWO_KEYS, TWO_RUNS,
    UNANNOUNCED, UNAPPROVED, UNDOABLE, USABLE, WANTED,
};
use crate::guards::{Guard, Guards};
use crate::model::account::{DAY, Pattern, Tick};
use crate::model::promises::broken;

const THREADS: usize = 2;

/// A retriever that fetches in time, and one thing that anybody does, in whatever order.
const PEOPLE: Setting = Setting {
    pattern: Pattern::Always,
    fetches_from: 0,
    besides: Besides::Nothing,
    events_late: 0,
    may_force: false,
    is_forced: false,
    deeds: 1,
    may: &DEEDS,
    script: &[],
    looks: 1,
    recalls: 0,
    faults: 0,
    shorts: 0,
    end: 6 * DAY,
};

/// A retriever that fetches in time, and something goes wrong.
const FAULT: Setting = Setting { deeds: 0, faults: 1, ..PEOPLE };

fn settings() -> Vec<Setting> {
    let never = Setting { pattern: Pattern::Never, fetches_from: Tick::MAX, ..PEOPLE };
    vec![
        Setting { deeds: 3, ..PEOPLE },
        Setting { may: &OF_THE_SECRET, deeds: 2, end: 9 * DAY, ..FAULT },
        Setting { may: &OF_THE_SECRET, deeds: 3, end: 9 * DAY, ..PEOPLE },
        Setting { may: &OF_THE_SECRET, deeds: 2, recalls: 1, looks: 2, end: 4 * DAY, ..FAULT },
        Setting { may: &OF_THE_SECRET, deeds: 1, faults: 2, recalls: 1, events_late: DAY, end: 5 * DAY, ..FAULT },
        Setting { deeds: 3, ..never },
        Setting { deeds: 2, faults: 1, ..PEOPLE },
        Setting { deeds: 1, faults: 2, ..PEOPLE },
        Setting { deeds: 2, faults: 1, ..never },
        Setting { fetches_from: 3 * DAY, may_force: true, deeds: 1, ..FAULT },
        Setting { fetches_from: Tick::MAX, may_force: true, deeds: 2, ..PEOPLE },
        Setting { is_forced: true, deeds: 1, ..FAULT },
        Setting { pattern: Pattern::Quarterly, deeds: 1, end: 10 * DAY, ..FAULT },
        Setting { besides: Besides::Idle(-2 * DAY), events_late: Tick::MAX, deeds: 3, ..PEOPLE },
        Setting { besides: Besides::Idle(0), events_late: 1, deeds: 2, ..FAULT },
        Setting { besides: Besides::Inactive, deeds: 2, ..PEOPLE },
        Setting { besides: Besides::Active, deeds: 2, ..PEOPLE },
        Setting { looks: 2, recalls: 1, deeds: 1, ..FAULT },
        Setting { events_late: DAY, deeds: 1, faults: 2, ..FAULT },
        Setting { events_late: Tick::MAX, deeds: 2, ..FAULT },
        Setting { shorts: 2, deeds: 1, ..FAULT },
        Setting { deeds: 2, faults: 1, recalls: 1, looks: 2, end: 3 * DAY, ..PEOPLE },
    ]
}

#[test]
fn nobody_no_fault_and_no_hour_breaks_what_the_rotation_of_an_enrolled_user_promises() {
    let rotations = Rotations { guards: Guards::ALL, without: None, settings: settings() };
    let checker = rotations.checker().threads(THREADS).spawn_dfs().join();
    println!("{} distinct states, {} with repetitions", checker.unique_state_count(), checker.state_count());
    checker.assert_properties();
    assert!(checker.unique_state_count() >= 1_000_000, "too few states were looked at");
}

/// What people do for one guard to matter, and what goes wrong without it. Of the other guards another model tells.
fn without(guard: Guard) -> Option<(Setting, &'static str)> {
    let script = |script: &'static [Deed]| {
        let deeds = u8::try_from(script.len()).unwrap();
        Setting { script, deeds, pattern: Pattern::Never, fetches_from: Tick::MAX, ..PEOPLE }
    };
    let besides = |besides, setting| Setting { besides, events_late: Tick::MAX, end: 3 * DAY, ..setting };
    let idle = Besides::Idle(-100);
    Some(match guard {
        Guard::Minted => (script(&[Create, Try, Acknowledge]), NO_KEY_THAT_WORKS),
        Guard::FetchedSince => (script(&[Fetch, Try]), NOT_FETCHED),
        Guard::ShownLate => (Setting { faults: 1, looks: 2, ..script(&[]) }, FORGOTTEN),
        Guard::Stands => (Setting { end: 2 * DAY, ..script(&[SwitchPolicy]) }, UNAPPROVED),
        Guard::Announced => (Setting { end: 2 * DAY, ..script(&[]) }, UNANNOUNCED),
        Guard::Room => (besides(Besides::Active, script(&[])), NO_ROOM),
        Guard::IdleOurs => (besides(Besides::Inactive, script(&[])), NOT_OURS),
        Guard::IdleInactive => (besides(idle, script(&[SwitchOther])), USABLE),
        Guard::IdleForUndo => (besides(Besides::Idle(0), script(&[])), UNDOABLE),
        Guard::IdleUnused => (besides(idle, script(&[SwitchOther, Try, SwitchOther])), WANTED),
        _ => return None,
    })
}

const GUARDS: [Guard; 10] = [
    Guard::Minted,
    Guard::FetchedSince,
    Guard::ShownLate,
    Guard::Stands,
    Guard::Announced,
    Guard::Room,
    Guard::IdleOurs,
    Guard::IdleInactive,
    Guard::IdleForUndo,
    Guard::IdleUnused,
];

#[test]
fn without_any_one_guard_of_minting_a_promise_is_broken() {
    let wrong: Vec<_> = GUARDS
        .into_iter()
        .filter_map(|guard| {
            let (setting, expected) = without(guard)?;
            let rotations = |guards| Rotations { guards, without: None, settings: vec![setting] };
            let (with, without) = (broken(rotations(Guards::ALL)), broken(rotations(Guards::without(guard))));
            let is_right = with.is_none() && without == Some(expected);
            (!is_right).then(|| format!("{guard:?}: {without:?} without it, {with:?} with it"))
        })
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn without_any_one_guard_of_the_functions_a_promise_is_broken() {
    let twice = Setting { recalls: 1, end: 2 * DAY, deeds: 0, ..PEOPLE };
    let idle = Besides::Idle(-100);
    let script: &[Deed] = &[SwitchOther];
    let used = Setting { besides: idle, events_late: Tick::MAX, script, deeds: 1, end: 2 * DAY, ..PEOPLE };
    let rotations = |without, setting| Rotations { guards: Guards::ALL, without, settings: vec![setting] };
    let fault = Setting { may_force: true, looks: 2, end: 5 * DAY, ..FAULT };
    for (guard, setting, expected) in [
        (ShellGuard::NamesWhatWasRead, twice, TWO_KEYS),
        (ShellGuard::ReadsAgain, used, USABLE),
        (ShellGuard::IntentFirst, FAULT, LEFT),
        (ShellGuard::CreatesOnce, FAULT, TWO_KEYS),
        (ShellGuard::Lease, fault, TWO_RUNS),
    ] {
        assert_eq!(broken(rotations(None, setting)), None, "{guard:?}");
        assert_eq!(broken(rotations(Some(guard), setting)), Some(expected), "{guard:?}");
    }
}
