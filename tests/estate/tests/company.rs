//! What the company expects is what the rule says.

#[cfg(test)]
mod company {
    use std::collections::BTreeSet;
    use std::time::Duration;

    use access_key_age::{judge, kinds, undecided};
    use credwarden_credential::age::is_older;
    use credwarden_credential::id::AccessKeyId;
    use credwarden_credential::kind::CredentialKind;
    use credwarden_credential::snapshot::{AccessKeys, LastUse, User};
    use credwarden_estate::company::{Expected, PROTECTED, company};
    use credwarden_estate::fake::{Action, FakeIam};
    use credwarden_estate::seed::Seed;
    use credwarden_inventory::collect::{Wanted, collect};
    use credwarden_inventory::live::LastUses;
    use credwarden_policy::class::matches;
    use credwarden_policy::exception::Exceptions;
    use credwarden_policy::policy::Policy;
    use credwarden_policy::verdict::{Finding, Note, Verdict};
    use jiff::Timestamp;

    fn now() -> Timestamp {
        "2026-11-24T12:00:00Z".parse().unwrap()
    }

    #[test]
    fn the_rule_says_of_each_user_what_is_expected() {
        let company = company(now());
        let snapshot = company.estate.snapshot();
        let policy = Policy::default();
        for specimen in &company.specimens {
            let user = snapshot.users.values().find(|user| user.name.as_str() == specimen.user).unwrap();
            let verdict = judge(user, &policy, &Exceptions::default(), now());
            assert_eq!(said(&verdict), specimen.verdict, "{}: {}", specimen.user, specimen.why);
        }
    }

    #[tokio::test]
    async fn the_rule_says_the_same_of_what_is_read_through_the_credential_report() {
        let company = company(now());
        let policy = Policy::default();
        let iam = FakeIam::new(company.estate.clone());
        let nobody = BTreeSet::new();
        let kinds = kinds(&policy);
        let wanted = Wanted {
            kinds: &kinds,
            undecided: |user: &User| undecided(user, &policy, now()),
            last_uses: LastUses::NotRead,
            previously_reported: &nobody,
            provenance: None,
            earlier: None,
            resume_after: None,
        };
        let collected = collect(&iam, wanted, now(), Duration::from_secs(200)).await.unwrap();
        for user in collected.snapshot.users.values() {
            let specimen = company.specimen(user.name.as_str()).unwrap();
            let verdict = judge(user, &policy, &Exceptions::default(), now());
            assert_eq!(said(&verdict), specimen.verdict, "{}: {}", specimen.user, specimen.why);
        }
        assert_eq!(collected.snapshot.users.len(), company.specimens.len());
        let listed = iam.calls_of(Action::ListAccessKeys).len();
        assert!(listed < company.specimens.len(), "{listed} users' keys listed");
    }

    fn said(verdict: &Verdict) -> Expected {
        let key = |credential: &credwarden_credential::kind::CredentialId| -> AccessKeyId {
            credential.as_str().parse().unwrap()
        };
        match verdict {
            Verdict::NotApplicable(_) => Expected::NotReported,
            Verdict::Compliant(notes) => {
                let warned = notes.iter().map(|note| match note {
                    Note::DueBy { credential, .. } => key(credential),
                    Note::Baseline { .. }
                    | Note::ReportedBaseline { .. }
                    | Note::Excepted { .. }
                    | Note::ForgedException { .. }
                    | Note::NotKnown(_) => {
                        panic!("this rule knows no baseline, nothing is excepted, and all is known")
                    }
                });
                Expected::Compliant { warned: warned.collect() }
            }
            Verdict::NonCompliant { .. } => {
                Expected::NonCompliant { keys: verdict.findings().filter_map(Finding::credential).map(key).collect() }
            }
            Verdict::Unknown(gap) => panic!("everything is known, but: {gap}"),
        }
    }

    #[test]
    fn every_key_too_old_is_either_deactivated_or_held() {
        for specimen in company(now()).specimens {
            let acted: BTreeSet<_> = specimen.deactivated.iter().chain(&specimen.held).cloned().collect();
            let found = match specimen.verdict {
                Expected::NonCompliant { keys } => keys.into_iter().collect(),
                Expected::NotReported | Expected::Compliant { .. } => BTreeSet::new(),
            };
            assert_eq!(acted, found, "{}", specimen.user);
        }
    }

    #[test]
    fn a_key_is_held_because_it_is_in_use_or_its_user_is_protected_and_for_no_other_reason() {
        let company = company(now());
        let snapshot = company.estate.snapshot();
        let policy = Policy::default();
        for specimen in &company.specimens {
            let user = snapshot.users.values().find(|user| user.name.as_str() == specimen.user).unwrap();
            let is_protected = matches(PROTECTED, user.arn.as_str());
            let limits = policy.limits(user, policy.class(user).unwrap(), CredentialKind::AccessKey);
            let AccessKeys::Live(keys) = &user.access_keys else { panic!("all keys are known") };
            for key in keys {
                let is_in_use = match key.last_use {
                    LastUse::At { at, .. } => !is_older(at, limits.in_use, now()),
                    _ => false,
                };
                if specimen.held.contains(&key.id) {
                    assert!(is_protected || is_in_use, "{}", specimen.user);
                }
                if specimen.deactivated.contains(&key.id) {
                    assert!(!is_protected && !is_in_use, "{}", specimen.user);
                }
            }
        }
    }

    #[test]
    fn it_is_some_sixty_users_each_with_ids_and_an_expectation_of_its_own() {
        let company = company(now());
        let users = &company.estate.users;
        assert!((55..=70).contains(&users.len()), "{}", users.len());
        assert_eq!(company.specimens.len(), users.len());
        assert_eq!(company.estate.snapshot().users.len(), users.len(), "no id twice");
        let keys: Vec<_> = users.iter().flat_map(|user| &user.keys).map(|owned| &owned.key.id).collect();
        assert_eq!(keys.iter().collect::<BTreeSet<_>>().len(), keys.len(), "no key id twice");
        assert!(users.iter().all(|user| user.keys.len() <= 2), "IAM allows two keys");
        let is_whole = |at: &Timestamp| at.subsec_nanosecond() == 0;
        assert!(users.iter().flat_map(|user| &user.keys).all(|owned| is_whole(&owned.key.created)));
    }

    #[test]
    fn the_same_time_gives_the_same_company() {
        let json = |now| serde_json::to_value(Seed::from(&company(now).estate)).unwrap();
        assert_eq!(json(now()), json(now()));
        assert_ne!(json(now()), json(now() + jiff::SignedDuration::from_secs(1)));
    }

    #[test]
    fn the_snapshot_attaches_what_groups_attach() {
        let snapshot = company(now()).estate.snapshot();
        let wanda = snapshot.users.values().find(|user| user.name.as_str() == "wanda.admin").unwrap();
        assert!(wanda.attached_policies.iter().any(|arn| arn.as_str().ends_with("/AdministratorAccess")));
        assert!(matches!(&wanda.access_keys, AccessKeys::Live(keys) if keys.len() == 1));
    }
}
