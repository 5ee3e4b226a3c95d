//! What the checker finds: nothing, and something as soon as any guard is taken out.

use credwarden_policy::rotation::Delivery;
use stateright::{Checker, Model};

use super::account::{DAY, Pattern};
use super::owner::Deed::{self, Acknowledge, Create, DeleteOther, EditPolicy, Move, SwitchOld, SwitchOther, Try};
use super::promises::broken;
use super::shell::{
    ADVISED, FIGHT, IN_USE, NEW_KEY_TOO_NEW, NO_KEY_THAT_WORKS, NOT_SAID, Rotations, SELDOM_JOB, ShellGuard, TWO_RUNS,
    UNWARNED,
};
use super::state::{Besides, Setting};
use crate::guards::{Guard, Guards};

const THREADS: usize = 2;

/// An owner who does four things in any order, and nothing goes wrong.
const OWNER: Setting = Setting {
    pattern: Pattern::Always,
    besides: Besides::Nothing,
    delivery: Delivery::Owner,
    may_force: false,
    is_forced: false,
    is_config_silent: false,
    deeds: 4,
    script: &[],
    faults: 0,
    shorts: 0,
    end: 3 * DAY,
};

/// An owner who does only what must be done, and something goes wrong.
const FAULT: Setting = Setting { deeds: 3, faults: 1, ..OWNER };

fn settings() -> [Setting; 11] {
    [
        OWNER,
        FAULT,
        Setting { may_force: true, ..OWNER },
        Setting { may_force: true, ..FAULT },
        Setting { pattern: Pattern::Never, is_forced: true, ..FAULT },
        Setting { pattern: Pattern::Quarterly, deeds: 3, end: 7 * DAY, ..OWNER },
        Setting { besides: Besides::InactiveAndOlder, deeds: 3, ..OWNER },
        Setting { besides: Besides::UsedAndOlder, may_force: true, deeds: 3, ..OWNER },
        Setting { delivery: Delivery::Replace, may_force: true, ..OWNER },
        Setting { shorts: 1, faults: 0, ..FAULT },
        Setting { is_config_silent: true, end: 5 * DAY, ..FAULT },
    ]
}

#[test]
fn no_owner_no_fault_and_no_hour_breaks_what_a_rotation_promises() {
    let rotations = Rotations { guards: Guards::ALL, without: None, settings: settings().to_vec() };
    let checker = rotations.checker().threads(THREADS).spawn_dfs().join();
    println!("{} distinct states, {} with repetitions", checker.unique_state_count(), checker.state_count());
    checker.assert_properties();
    assert!(checker.unique_state_count() >= 1_000_000, "too few states were looked at");
}

/// What the owner does for one guard to matter, and what goes wrong without it.
fn without(guard: Guard) -> Option<(Setting, &'static str)> {
    let script = |script: &'static [Deed]| {
        let deeds = u8::try_from(script.len()).unwrap();
        Setting { script, deeds, pattern: Pattern::Never, ..OWNER }
    };
    let used = |setting| Setting { pattern: Pattern::Always, ..setting };
    let forces = |setting| Setting { pattern: Pattern::Always, may_force: true, ..setting };
    let quarterly = |setting| Setting { pattern: Pattern::Quarterly, ..setting };
    Some(match guard {
        Guard::Newer => (Setting { besides: Besides::UsedAndOlder, ..script(&[Acknowledge]) }, NO_KEY_THAT_WORKS),
        Guard::Active => (script(&[Create, Try, Acknowledge, SwitchOther]), NO_KEY_THAT_WORKS),
        Guard::ThisReplacement => (script(&[Create, Try, Acknowledge, DeleteOther, Create, Try]), NEW_KEY_TOO_NEW),
        Guard::SaidOfThisReplacement => (script(&[Acknowledge, Create, Try]), NOT_SAID),
        Guard::SaidInThisRotation => (script(&[Create, Try, Acknowledge, Acknowledge, SwitchOld]), NOT_SAID),
        Guard::Used => (script(&[Create, Acknowledge]), NO_KEY_THAT_WORKS),
        Guard::Acknowledged => (script(&[Create, Try]), NOT_SAID),
        Guard::Readable => (Setting { faults: 1, ..quarterly(script(&[Create, Try, Acknowledge])) }, IN_USE),
        Guard::ReadTwice => (Setting { shorts: 1, ..script(&[Create, Try, Acknowledge]) }, NEW_KEY_TOO_NEW),
        Guard::Window => (used(script(&[Create, Move, Acknowledge])), IN_USE),
        Guard::TwiceTheGap => (Setting { shorts: 2, ..quarterly(script(&[Create, Try, Acknowledge])) }, SELDOM_JOB),
        Guard::Lag => (Setting { shorts: 1, ..used(script(&[Create, Move, Acknowledge])) }, IN_USE),
        Guard::OptIn => (used(script(&[Create, Try])), NOT_SAID),
        Guard::Deadline => (forces(script(&[Create, Try])), UNWARNED),
        Guard::ForceWaits => (forces(script(&[Create, Try])), NEW_KEY_TOO_NEW),
        Guard::Reopened => (forces(script(&[Create, Try, SwitchOld, SwitchOld])), UNWARNED),
        Guard::NoFight => (forces(script(&[Create, Try, SwitchOld])), FIGHT),
        Guard::Replace => (Setting { delivery: Delivery::Replace, ..script(&[Create, Try, Acknowledge]) }, ADVISED),
        Guard::SameDelivery => {
            (Setting { delivery: Delivery::Replace, ..forces(script(&[EditPolicy, Create, Try])) }, UNWARNED)
        }
        // Of these another model tells.
        Guard::Minted
        | Guard::FetchedSince
        | Guard::ShownLate
        | Guard::Stands
        | Guard::Announced
        | Guard::Room
        | Guard::IdleOurs
        | Guard::IdleInactive
        | Guard::IdleForUndo
        | Guard::IdleUnused => return None,
    })
}

const GUARDS: [Guard; 19] = [
    Guard::Newer,
    Guard::Active,
    Guard::ThisReplacement,
    Guard::SaidOfThisReplacement,
    Guard::SaidInThisRotation,
    Guard::Used,
    Guard::Acknowledged,
    Guard::Readable,
    Guard::ReadTwice,
    Guard::Window,
    Guard::TwiceTheGap,
    Guard::Lag,
    Guard::OptIn,
    Guard::Deadline,
    Guard::ForceWaits,
    Guard::Reopened,
    Guard::NoFight,
    Guard::Replace,
    Guard::SameDelivery,
];

#[test]
fn without_any_one_guard_of_the_plan_a_promise_is_broken() {
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
fn without_any_one_guard_of_the_shell_a_promise_is_broken() {
    let setting = Setting { script: &[Create, Try, DeleteOther], deeds: 3, faults: 1, may_force: true, ..OWNER };
    let rotations = |without| Rotations { guards: Guards::ALL, without, settings: vec![setting] };
    assert_eq!(broken(rotations(None)), None);
    assert_eq!(broken(rotations(Some(ShellGuard::Lease))), Some(TWO_RUNS));
    assert_eq!(broken(rotations(Some(ShellGuard::DecidesAnew))), Some(NO_KEY_THAT_WORKS));
}
