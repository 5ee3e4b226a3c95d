//! Rotations whose runs are killed, at every call.

use credwarden_e2e::remedy::{
    ACKNOWLEDGE_ROTATION, Ended, FORCE_ROTATION, Ledger, assert_sound, execute, key_changes, noon, ready_with,
};
use credwarden_estate::estate::{Estate, age_days};
use credwarden_sandbox::faults::{Act, Matching};
use credwarden_sandbox::sandbox::{Options, Sandbox};
use jiff::SignedDuration;
use serde_json::json;

const ROTATE: &str = "credwarden-rotate-key";

/// A user, its silent old key, and the new one that it has moved to.
struct Owner {
    id: String,
    old: String,
    new: String,
}

fn crowd(count: usize) -> Estate {
    (0..count).fold(Estate::new(noon()), |estate, number| {
        let estate = estate.user(&format!("owner-{number}")).key(age_days(120)).used(age_days(30), "s3");
        estate.key(age_days(10)).used(age_days(2), "s3")
    })
}

fn owners(estate: &Estate) -> Vec<Owner> {
    let owners = estate.users.iter().map(|user| {
        let key = |place: usize| user.keys[place].key.id.to_string();
        Owner { id: user.id().to_string(), old: key(0), new: key(1) }
    });
    owners.collect()
}

/// A rotation begins, by a document that invokes the function at once.
async fn told(sandbox: &Sandbox, owner: &Owner) -> Ended {
    let asked = [("ResourceId", owner.id.as_str()), ("CredentialId", &owner.old), ("Reason", "It may be known.")];
    execute(sandbox, FORCE_ROTATION, &asked).await.unwrap()
}

async fn says(sandbox: &Sandbox, owner: &Owner) -> Ended {
    let said = [("ResourceId", owner.id.as_str()), ("CredentialId", &owner.old)];
    execute(sandbox, ACKNOWLEDGE_ROTATION, &said).await.unwrap()
}

/// Runs something once for one owner without a fault, and then for other owners with each of these ends at each call of the
/// rotation's function from its first write on: what comes before only reads. Gives how many owners that took.
async fn killed(
    sandbox: &Sandbox,
    owners: &[Owner],
    ends: &[Act],
    run: impl AsyncFn(&Sandbox, &Owner) -> Ended,
) -> usize {
    let before = sandbox.calls().len();
    let clean = run(sandbox, &owners[0]).await;
    let calls = sandbox.calls().into_iter().skip(before).filter(|call| call.call.caller == ROTATE);
    let calls: Vec<_> = calls.map(|call| call.call.action).collect();
    let first_write = calls.iter().position(|action| action == "dynamodb:PutItem").unwrap();
    let mut others = owners.iter().skip(1);
    for (place, action) in calls.iter().enumerate().skip(first_write) {
        for end in ends {
            let owner = others.next().unwrap();
            let fault = sandbox.faults().arm(Matching::any().caller(ROTATE).nth(place as u64 + 1), *end);
            let ended = run(sandbox, owner).await;
            sandbox.faults().clear();
            let name = format!("{end:?} at call {}, {action}: {ended:?}", place + 1);
            assert_eq!(fault.fired(), 1, "{name}");
            assert_eq!(
                ended.status,
                if *end == Act::LoseResponse { clean.status.as_str() } else { "Failed" },
                "{name}"
            );
        }
    }
    1 + (calls.len() - first_write) * ends.len()
}

/// An hour later the schedule finds what is open.
async fn an_hour_passes(sandbox: &Sandbox) {
    sandbox.advance(SignedDuration::from_mins(61)).await.unwrap();
    sandbox.fire_schedules().await.unwrap();
    sandbox.run_automations().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_killed_at_any_call_ends_as_one_that_was_not() {
    let estate = crowd(76);
    let sandbox = ready_with(Options::at(noon()), &estate, |policy| {
        policy["remedies"]["access-key-age"] = json!({ "default": { "remedy": "rotate-key", "mode": "enforce" } });
    });
    let (sandbox, mut owners) = (sandbox.await.unwrap(), owners(&estate));
    let begun = killed(&sandbox, &owners, &[Act::DieAfter], told).await;
    assert!(key_changes(&sandbox).is_empty());

    // It is asked again, and of the others for the first time.
    an_hour_passes(&sandbox).await;
    for owner in &owners {
        assert_eq!(told(&sandbox, owner).await.status, "rotating");
    }
    let rotations = Ledger::of(&sandbox).await.unwrap();
    let rotations = rotations.open().into_iter().filter(|item| item["sk"].as_str().unwrap().starts_with("ROTATION#"));
    assert_eq!(rotations.count(), owners.len(), "one of each owner");
    sandbox.advance(SignedDuration::from_hours(30)).await.unwrap();

    let silenced = killed(&sandbox, &owners[begun..], &[Act::DieAfter, Act::LoseResponse], says).await;
    an_hour_passes(&sandbox).await;
    // A word that was lost is given again.
    owners = owners.drain(begun..begun + silenced).collect();
    for owner in &owners {
        if sandbox.key_status(&owner.old).await.unwrap().as_deref() == Some("Active") {
            says(&sandbox, owner).await;
        }
    }
    an_hour_passes(&sandbox).await;
    let (ledger, changes) = (Ledger::of(&sandbox).await.unwrap(), key_changes(&sandbox));
    for Owner { id, old, new } in &owners {
        assert_eq!(sandbox.key_status(old).await.unwrap().as_deref(), Some("Inactive"), "{id}");
        assert_eq!(sandbox.key_status(new).await.unwrap().as_deref(), Some("Active"), "{id}");
        // A lost answer has the call sent again, which changes nothing more.
        assert!((1..=2).contains(&changes.iter().filter(|change| change.key == *old).count()), "{id}");
        let work = ledger.work(id, "rotate-key", old).unwrap();
        assert!(work.pointer("/step/settled/outcome/done/after").is_some(), "{id}: {work}");
    }
    assert_eq!(ledger.spent("act"), i64::try_from(owners.len()).unwrap(), "each is paid for once");
    assert_sound(&sandbox).await.unwrap();
}
