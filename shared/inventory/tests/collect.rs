//! Reading the account: who is looked at closely, what a failure hides, and how a reading goes on.

#[cfg(test)]
mod collect {
    use std::collections::BTreeSet;
    use std::time::Duration;

    use credwarden_credential::age::{Days, limit_reached};
    use credwarden_credential::id::{Arn, UserId};
    use credwarden_credential::kind::{CredentialId, CredentialKind};
    use credwarden_credential::snapshot::{AccessKeys, GapReason, KeyStatus, Known, Listing, User};
    use credwarden_estate::estate::{ADMINISTRATOR_ACCESS, Estate, age_days, age_hours, age_seconds};
    use credwarden_estate::fake::{Action, FakeIam};
    use credwarden_estate::fault::{Effect, Failing, Fault};
    use credwarden_inventory::collect::{CollectError, Collected, RESERVE, Wanted, collect};
    use credwarden_inventory::live::LastUses;
    use credwarden_inventory::read::{Failure, ReadIam};
    use jiff::Timestamp;

    /// 90 days less 14 of warning.
    const SUSPECT_FROM: Days = Days(76);

    const ENOUGH_TIME: Duration = Duration::from_secs(250);

    fn now() -> Timestamp {
        "2026-11-24T12:00:00Z".parse().unwrap()
    }

    fn estate() -> Estate {
        Estate::new(now())
    }

    async fn try_all<R: ReadIam>(reader: &R) -> Result<Collected, CollectError> {
        pass(reader, &BTreeSet::new(), None, ENOUGH_TIME).await
    }

    async fn all<R: ReadIam>(reader: &R) -> Collected {
        try_all(reader).await.unwrap()
    }

    async fn pass<R: ReadIam>(
        reader: &R,
        previously_reported: &BTreeSet<UserId>,
        resume_after: Option<UserId>,
        time_left: Duration,
    ) -> Result<Collected, CollectError> {
        let kinds = BTreeSet::from([CredentialKind::AccessKey]);
        let last_uses = LastUses::NotRead;
        let wanted = Wanted {
            kinds: &kinds,
            undecided,
            last_uses,
            previously_reported,
            provenance: None,
            earlier: None,
            resume_after,
        };
        collect(reader, wanted, now(), time_left).await
    }

    /// Whether there may be a key that is older than [`SUSPECT_FROM`].
    fn undecided(user: &User) -> BTreeSet<CredentialKind> {
        let may_be_old = limit_reached(user.created, SUSPECT_FROM) <= now();
        let is_undecided = match &user.access_keys {
            AccessKeys::Reported(reported) => !reported.active.is_empty() && may_be_old,
            AccessKeys::Unread(_) => true,
            AccessKeys::Live(_) => false,
        };
        if is_undecided { BTreeSet::from([CredentialKind::AccessKey]) } else { BTreeSet::new() }
    }

    fn user<'a>(collected: &'a Collected, name: &str) -> &'a User {
        collected.snapshot.users.values().find(|user| user.name.as_str() == name).unwrap()
    }

    fn id(estate: &Estate, name: &str) -> UserId {
        estate.find(name).unwrap().id().clone()
    }

    fn reason(keys: &AccessKeys) -> Option<GapReason> {
        match keys {
            AccessKeys::Unread(gap) => Some(gap.reason),
            AccessKeys::Live(_) | AccessKeys::Reported(_) => None,
        }
    }

    fn live_keys(keys: &AccessKeys) -> usize {
        match keys {
            AccessKeys::Live(keys) => keys.len(),
            other => panic!("not read live: {other:?}"),
        }
    }

    /// How many active and inactive keys the report shows.
    fn reported(keys: &AccessKeys) -> (usize, u8) {
        match keys {
            AccessKeys::Reported(reported) => (reported.active.len(), reported.inactive),
            other => panic!("not from the report: {other:?}"),
        }
    }

    #[tokio::test]
    async fn only_an_active_key_of_an_old_enough_user_is_read_live() {
        let iam = FakeIam::new(
            estate()
                .user("old")
                .key(age_days(91))
                .user("young-user")
                .created(age_days(70))
                .key(age_days(70))
                .user("inactive")
                .key(age_days(300))
                .inactive_since(age_days(10))
                .user("without-keys"),
        );
        let collected = all(&iam).await;
        assert_eq!(live_keys(&user(&collected, "old").access_keys), 1);
        assert_eq!(reported(&user(&collected, "young-user").access_keys), (1, 0));
        assert_eq!(reported(&user(&collected, "inactive").access_keys), (0, 1));
        assert_eq!(reported(&user(&collected, "without-keys").access_keys), (0, 0));
        assert_eq!(iam.calls_of(Action::ListAccessKeys), ["old"]);
        assert_eq!(iam.calls_of(Action::GetLoginProfile).len(), 0, "the report knows who has a password");
        assert_eq!((collected.population, collected.suspects_read, collected.cursor), (2, 1, None));
    }

    #[tokio::test]
    async fn a_user_is_suspect_from_the_very_second_at_which_a_warning_could_begin() {
        let iam = FakeIam::new(
            estate()
                .user("at")
                .created(age_days(76))
                .key(age_days(76))
                .user("before")
                .created(age_days(76) - age_seconds(1))
                .key(age_days(70)),
        );
        all(&iam).await;
        assert_eq!(iam.calls_of(Action::ListAccessKeys), ["at"]);
    }

    #[tokio::test]
    async fn a_toggled_old_key_is_found() {
        let iam = FakeIam::new(estate().user("alice").key(age_days(200)).toggled(age_hours(5)));
        let collected = all(&iam).await;
        let AccessKeys::Live(keys) = &user(&collected, "alice").access_keys else { panic!("not read live") };
        assert_eq!(keys[0].created, now() - age_days(200));
    }

    #[tokio::test]
    async fn what_was_changed_since_the_report_was_made_is_found_if_the_user_was_reported_before() {
        let earlier = Estate::new(now() - age_hours(3))
            .user("alice")
            .key(age_days(200))
            .inactive_since(age_days(1))
            .user("bob")
            .key(age_days(200))
            .inactive_since(age_days(1));
        let mut present = earlier.clone().after(age_hours(3));
        let alice = id(&present, "alice");
        let key = present.find("alice").unwrap().keys[0].key.id.clone();
        assert!(present.set_status(&CredentialId::AccessKey(key.clone()), KeyStatus::Active));
        let iam = FakeIam::new(present).with_report_of(&earlier);

        let collected = pass(&iam, &BTreeSet::from([alice]), None, ENOUGH_TIME).await.unwrap();
        assert_eq!(live_keys(&user(&collected, "alice").access_keys), 1);
        assert_eq!(iam.calls_of(Action::ListAccessKeys), ["alice"]);
        assert_eq!(collected.population, 1, "what was read live counts, not the report");
        assert_eq!(collected.report_made, earlier.now);
    }

    #[tokio::test]
    async fn a_key_made_inactive_since_the_report_was_made_no_longer_counts() {
        let earlier = Estate::new(now() - age_hours(3)).user("alice").key(age_days(200));
        let mut present = earlier.clone().after(age_hours(3));
        let key = present.find("alice").unwrap().keys[0].key.id.clone();
        assert!(present.set_status(&CredentialId::AccessKey(key.clone()), KeyStatus::Inactive));
        let collected = all(&FakeIam::new(present).with_report_of(&earlier)).await;
        let AccessKeys::Live(keys) = &user(&collected, "alice").access_keys else { panic!("not read live") };
        assert_eq!((keys[0].status, collected.population), (KeyStatus::Inactive, 0));
    }

    #[tokio::test]
    async fn a_user_newer_than_the_report_is_read_live_with_its_password() {
        let earlier = Estate::new(now() - age_hours(3)).user("alice");
        let present = earlier
            .clone()
            .after(age_hours(3))
            .user("bob")
            .created(age_hours(1))
            .key(age_hours(1))
            .password(age_hours(1));
        let iam = FakeIam::new(present).with_report_of(&earlier);
        let collected = all(&iam).await;
        assert_eq!(live_keys(&user(&collected, "bob").access_keys), 1);
        assert_eq!(user(&collected, "bob").console_password, Known::Yes(true));
        assert_eq!(iam.calls_of(Action::GetLoginProfile), ["bob"]);
    }

    #[tokio::test]
    async fn a_user_recreated_under_the_same_name_does_not_get_the_old_row() {
        let earlier = Estate::new(now() - age_hours(3)).user("alice").key(age_days(200)).password(age_days(200));
        let old = id(&earlier, "alice");
        let present = earlier.clone().after(age_hours(3)).without("alice").user("alice").created(age_hours(1));
        let new = id(&present, "alice");
        let iam = FakeIam::new(present).with_report_of(&earlier);
        let collected = all(&iam).await;
        assert_eq!(collected.existing, BTreeSet::from([new]));
        assert!(!collected.existing.contains(&old));
        assert_eq!(live_keys(&user(&collected, "alice").access_keys), 0);
        assert_eq!(user(&collected, "alice").console_password, Known::Yes(false));
        assert_eq!(collected.population, 0);
    }

    #[tokio::test]
    async fn one_throttled_user_hides_only_itself() {
        let names = ["alice", "bob", "carol"];
        let estate = names.iter().fold(estate(), |estate, name| estate.user(name).key(age_days(100)));
        let iam = Failing::new(FakeIam::new(estate)).fail(Action::ListAccessKeys, "bob", Failure::Throttled);
        let collected = all(&iam).await;
        assert_eq!(reason(&user(&collected, "bob").access_keys), Some(GapReason::Throttled));
        assert_eq!(live_keys(&user(&collected, "alice").access_keys), 1);
        assert_eq!(live_keys(&user(&collected, "carol").access_keys), 1);
        assert_eq!((collected.existing.len(), collected.cursor), (3, None), "it was tried: the pass is complete");
        assert_eq!(collected.population, 3, "by the report, bob holds an active key");
    }

    #[tokio::test]
    async fn a_password_that_could_not_be_read_is_a_gap_of_its_own() {
        let earlier = Estate::new(now() - age_hours(3));
        let present = earlier.clone().after(age_hours(3)).user("alice").created(age_hours(1)).key(age_hours(1));
        let iam = Failing::new(FakeIam::new(present).with_report_of(&earlier)).fail(
            Action::GetLoginProfile,
            "alice",
            Failure::Denied,
        );
        let collected = all(&iam).await;
        let alice = user(&collected, "alice");
        assert!(matches!(&alice.console_password, Known::No(gap) if gap.reason == GapReason::Denied));
        assert_eq!(live_keys(&alice.access_keys), 1);
    }

    #[tokio::test]
    async fn a_user_deleted_while_the_account_is_read_is_a_gap_and_not_gone() {
        let estate = estate().user("alice").key(age_days(100));
        let iam = Failing::new(FakeIam::new(estate)).fail(Action::ListAccessKeys, "alice", Failure::NoSuchEntity);
        let collected = all(&iam).await;
        assert_eq!(reason(&user(&collected, "alice").access_keys), Some(GapReason::Failed));
        assert_eq!(collected.existing.len(), 1);
    }

    #[tokio::test]
    async fn more_than_a_thousand_users_are_read_page_by_page() {
        let estate = (0..2_345).fold(estate(), |estate, number| estate.user(&format!("user-{number}")));
        let estate =
            estate.user("last").key(age_days(100)).member_of("admins").group("admins", &[ADMINISTRATOR_ACCESS]);
        let iam = FakeIam::new(estate);
        let collected = all(&iam).await;
        assert_eq!((collected.existing.len(), collected.snapshot.users.len()), (2_346, 2_346));
        assert_eq!(iam.calls_of(Action::GetAccountAuthorizationDetails).len(), 3);
        assert_eq!(iam.calls_of(Action::ListAccessKeys), ["last"]);
        assert!(user(&collected, "last").attached_policies.iter().any(|arn| arn.as_str() == ADMINISTRATOR_ACCESS));
    }

    #[tokio::test]
    async fn policies_attached_by_a_group_on_a_later_page_are_the_users() {
        let estate = estate()
            .group("admins", &[ADMINISTRATOR_ACCESS])
            .user("alice")
            .member_of("admins")
            .attached("arn:aws:iam::aws:policy/ReadOnlyAccess");
        let collected = all(&FakeIam::new(estate).page_size(1)).await;
        let attached: Vec<_> = user(&collected, "alice").attached_policies.iter().map(Arn::as_str).collect();
        assert_eq!(attached, [ADMINISTRATOR_ACCESS, "arn:aws:iam::aws:policy/ReadOnlyAccess"]);
    }

    #[tokio::test]
    async fn a_group_that_the_list_lacks_hides_only_the_suspects_in_it() {
        let mut estate = estate()
            .user("suspect")
            .member_of("made-meanwhile")
            .key(age_days(100))
            .user("without-keys")
            .member_of("made-meanwhile")
            .user("other")
            .key(age_days(100));
        estate.groups.clear();
        let collected = all(&FakeIam::new(estate)).await;
        assert_eq!(reason(&user(&collected, "suspect").access_keys), Some(GapReason::Failed));
        assert_eq!(reported(&user(&collected, "without-keys").access_keys), (0, 0));
        assert_eq!(live_keys(&user(&collected, "other").access_keys), 1);
    }

    #[tokio::test]
    async fn a_list_that_cannot_be_read_to_its_end_is_an_error_and_never_a_shorter_list() {
        let estate = ["alice", "bob", "carol"].iter().fold(estate(), |estate, name| estate.user(name));
        for failure in [Failure::Denied, Failure::Throttled, Failure::Failed] {
            let iam = Failing::new(FakeIam::new(estate.clone()).page_size(1)).fail_after(
                2,
                Action::GetAccountAuthorizationDetails,
                failure,
            );
            assert!(matches!(try_all(&iam).await, Err(CollectError::List(error)) if error.failure == failure));
        }
    }

    #[tokio::test]
    async fn a_date_in_the_future_is_implausible_and_five_minutes_ahead_are_not() {
        let estate = estate()
            .user("user-of-tomorrow")
            .created(age_days(-1))
            .user("key-of-tomorrow")
            .key(age_days(100))
            .key(age_days(-1))
            .user("clocks-differ")
            .key(age_days(100))
            .key(age_seconds(-300))
            .user("inactive-key-of-tomorrow")
            .key(age_days(100))
            .key(age_days(-1))
            .inactive_since(age_hours(1));
        let collected = all(&FakeIam::new(estate)).await;
        assert_eq!(reason(&user(&collected, "user-of-tomorrow").access_keys), Some(GapReason::Implausible));
        assert_eq!(reason(&user(&collected, "key-of-tomorrow").access_keys), Some(GapReason::Implausible));
        assert_eq!(live_keys(&user(&collected, "clocks-differ").access_keys), 2);
        assert_eq!(live_keys(&user(&collected, "inactive-key-of-tomorrow").access_keys), 2, "it does not count");
    }

    /// Forty suspects of which each takes 20 seconds.
    fn slow() -> Failing<FakeIam> {
        let estate = (0..40).fold(estate(), |estate, number| estate.user(&format!("user-{number}")).key(age_days(100)));
        Failing::new(FakeIam::new(estate.user("no-suspect"))).slow(Action::ListAccessKeys, Duration::from_secs(20))
    }

    #[tokio::test(start_paused = true)]
    async fn stopping_and_going_on_covers_every_suspect_exactly_once() {
        let iam = slow();
        let mut cursor = None;
        let mut readings = 0;
        let mut read_live = BTreeSet::new();
        loop {
            let began = tokio::time::Instant::now();
            let collected = pass(&iam, &BTreeSet::new(), cursor.clone(), Duration::from_secs(80)).await.unwrap();
            assert!(began.elapsed() <= Duration::from_secs(80), "within the time it was given");
            readings += 1;
            assert_eq!(collected.existing.len(), 41);
            assert_eq!(collected.population, 40);
            for user in collected.snapshot.users.values() {
                match &user.access_keys {
                    AccessKeys::Live(_) => {
                        assert!(cursor.as_ref().is_none_or(|cursor| user.id > *cursor));
                        assert!(read_live.insert(user.id.clone()), "{} twice", user.name);
                    }
                    AccessKeys::Unread(gap) => {
                        assert_eq!(gap.reason, GapReason::NotReached);
                        assert!(collected.cursor.as_ref().is_some_and(|cursor| user.id > *cursor));
                    }
                    AccessKeys::Reported(_) => assert_eq!(user.name.as_str(), "no-suspect"),
                }
            }
            cursor = collected.cursor;
            if cursor.is_none() {
                break;
            }
            assert_eq!(cursor.as_ref(), read_live.last());
        }
        assert_eq!(read_live.len(), 40);
        assert!(readings > 2, "{readings}");
        assert_eq!(iam.reader().calls_of(Action::ListAccessKeys).len(), 40);
    }

    #[tokio::test(start_paused = true)]
    async fn every_reading_comes_further_however_little_time_there_is() {
        let iam = slow();
        let first = pass(&iam, &BTreeSet::new(), None, RESERVE).await.unwrap();
        let second = pass(&iam, &BTreeSet::new(), first.cursor.clone(), RESERVE).await.unwrap();
        assert!(first.cursor.is_some() && first.cursor < second.cursor);
    }

    #[tokio::test(start_paused = true)]
    async fn a_list_that_takes_all_the_time_is_an_error() {
        let iam = Failing::new(FakeIam::new(estate().user("alice")))
            .slow(Action::GetAccountAuthorizationDetails, Duration::from_mins(5));
        assert!(matches!(try_all(&iam).await, Err(CollectError::OutOfTime)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_user_delays_nobody_to_death() {
        let estate = (0..30).fold(estate(), |estate, number| estate.user(&format!("user-{number}")).key(age_days(100)));
        let iam = Failing::new(FakeIam::new(estate)).fault(Fault {
            action: Action::ListAccessKeys,
            about: Some("user-7".to_owned()),
            effect: Effect::Take(Duration::from_secs(25)),
            after: 0,
            times: None,
        });
        let collected = all(&iam).await;
        assert_eq!((collected.suspects_read, collected.cursor), (30, None));
    }

    fn every_kind(_: &User) -> BTreeSet<CredentialKind> {
        CredentialKind::OF_USERS.into()
    }

    async fn every_kind_of<R: ReadIam>(reader: &R, last_uses: LastUses) -> Collected {
        let (kinds, nobody) = (CredentialKind::OF_USERS.into(), BTreeSet::new());
        let undecided = every_kind;
        let wanted = Wanted {
            kinds: &kinds,
            undecided,
            last_uses,
            previously_reported: &nobody,
            provenance: None,
            earlier: None,
            resume_after: None,
        };
        collect(reader, wanted, now(), ENOUGH_TIME).await.unwrap()
    }

    fn of_every_kind() -> Estate {
        estate()
            .user("alice")
            .password(age_days(50))
            .signed_in(age_days(2))
            .key(age_days(100))
            .used(age_days(3), "s3")
            .service_specific("codecommit.amazonaws.com", age_days(30))
            .ssh_public_key(age_days(20))
            .signing_certificate(age_days(10))
            .user("bob")
            .service_specific("bedrock.amazonaws.com", age_days(5))
    }

    #[tokio::test]
    async fn what_is_undecided_is_read_of_every_kind_and_the_services_are_listed_once_for_all() {
        let iam = FakeIam::new(of_every_kind()).page_size(1);
        let collected = every_kind_of(&iam, LastUses::Read).await;
        assert_eq!(collected.snapshot.users, of_every_kind().snapshot().users);
        assert_eq!(iam.calls_of(Action::ListServiceSpecificCredentials), ["", ""], "one page each");
    }

    #[tokio::test]
    async fn whoever_holds_an_active_credential_of_any_kind_that_matters_counts_and_no_other_does() {
        let estate = of_every_kind()
            .user("signs-in")
            .password(age_days(50))
            .user("inactive")
            .key(age_days(100))
            .inactive_since(age_days(1))
            .user("without");
        let iam = FakeIam::new(estate.clone());
        assert_eq!(every_kind_of(&iam, LastUses::NotRead).await.population, 3);
        assert_eq!(all(&FakeIam::new(estate)).await.population, 1, "passwords are no access keys");
    }

    #[tokio::test]
    async fn services_that_cannot_be_listed_are_a_gap_of_that_kind_alone() {
        let iam = FakeIam::new(of_every_kind());
        let iam = Failing::new(iam).fail(Action::ListServiceSpecificCredentials, "", Failure::Denied);
        let collected = every_kind_of(&iam, LastUses::NotRead).await;
        let alice = user(&collected, "alice");
        let services = alice.listing(CredentialKind::ServiceSpecificCredential);
        assert!(matches!(services, Some(Listing::Unread(gap)) if gap.reason == GapReason::Denied));
        assert_eq!(live_keys(&alice.access_keys), 1);
        assert!(matches!(alice.listing(CredentialKind::SshPublicKey), Some(Listing::Live(keys)) if keys.len() == 1));
    }

    #[tokio::test]
    async fn the_order_of_the_lists_does_not_matter() {
        let one = estate().user("alice").key(age_days(100)).user("bob").key(age_days(10)).user("carol");
        let mut other = one.clone();
        other.users.reverse();
        assert_eq!(all(&FakeIam::new(one)).await, all(&FakeIam::new(other)).await);
    }
}
