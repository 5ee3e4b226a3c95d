//! What is expected of idle credentials is what the rule says.

#[cfg(test)]
mod disuse {
    use std::collections::{BTreeMap, BTreeSet};
    use std::time::Duration;

    use credwarden_credential::snapshot::User;
    use credwarden_estate::company::disuse::{Case, Disuse, disuse};
    use credwarden_estate::fake::{Action, FakeIam};
    use credwarden_inventory::collect::{Wanted, collect};
    use credwarden_inventory::live::LastUses;
    use credwarden_policy::exception::Exceptions;
    use credwarden_policy::policy::Policy;
    use credwarden_policy::verdict::{Finding, Verdict};
    use jiff::Timestamp;
    use unused_credentials::{judge, kinds, undecided};

    fn now() -> Timestamp {
        "2026-11-24T12:00:00Z".parse().unwrap()
    }

    fn check(disuse: &Disuse, users: impl IntoIterator<Item = User>) {
        let users: BTreeMap<_, _> = users.into_iter().map(|user| (user.name.to_string(), user)).collect();
        for specimen in &disuse.specimens {
            let verdict = judge(&users[&specimen.user], &Policy::default(), &Exceptions::default(), now());
            assert_eq!(said(&verdict), specimen.idle, "{}", specimen.user);
        }
    }

    fn said(verdict: &Verdict) -> Option<Vec<String>> {
        let mut found: Vec<_> =
            verdict.findings().filter_map(Finding::credential).map(|id| id.as_str().to_owned()).collect();
        found.sort();
        match verdict {
            Verdict::NotApplicable(_) => None,
            Verdict::Compliant(_) | Verdict::NonCompliant { .. } => Some(found),
            Verdict::Unknown(gap) => panic!("everything is known, but: {gap}"),
        }
    }

    #[test]
    fn the_rule_finds_what_is_idle_and_nothing_else() {
        let disuse = disuse(now());
        check(&disuse, disuse.estate.snapshot().users.into_values());
    }

    #[tokio::test]
    async fn the_rule_finds_the_same_in_what_is_read_through_the_credential_report() {
        let disuse = disuse(now());
        let iam = FakeIam::new(disuse.estate.clone());
        let (nobody, policy) = (BTreeSet::new(), Policy::default());
        let wanted = Wanted {
            kinds: &kinds(&policy),
            undecided: |user: &User| undecided(user, &policy, now()),
            last_uses: LastUses::Read,
            provenance: None,
            earlier: None,
            previously_reported: &nobody,
            resume_after: None,
        };
        let collected = collect(&iam, wanted, now(), Duration::from_secs(200)).await.unwrap();
        check(&disuse, collected.snapshot.users.into_values());
        let asked = iam.calls_of(Action::GetAccessKeyLastUsed);
        assert!(!asked.is_empty() && asked.len() < disuse.specimens.len(), "{asked:?}");
    }

    #[test]
    fn there_are_three_of_every_finding_and_of_every_near_miss() {
        let disuse = disuse(now());
        let mut count = BTreeMap::new();
        for specimen in &disuse.specimens {
            *count.entry(specimen.case).or_insert(0) += 1;
        }
        assert_eq!(count, Case::ALL.iter().map(|case| (*case, 3)).collect());
        assert_eq!(disuse.specimens.len(), disuse.estate.users.len());
        assert_eq!(disuse.estate.snapshot().users.len(), disuse.specimens.len(), "no id twice");
    }
}
