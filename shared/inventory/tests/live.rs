//! One user read again before a remedy acts.

#[cfg(test)]
mod live {
    use credwarden_credential::id::UserName;
    use credwarden_credential::snapshot::{AccessKeys, GapReason, Known, LastUse, User};
    use credwarden_estate::estate::{ADMINISTRATOR_ACCESS, Estate, age_days, age_hours};
    use credwarden_estate::fake::{Action, FakeIam};
    use credwarden_estate::fault::Failing;
    use credwarden_inventory::live::{find_user_by_id, read_user};
    use credwarden_inventory::read::{Failure, ReadIam};
    use jiff::Timestamp;

    fn now() -> Timestamp {
        "2026-11-24T12:00:00Z".parse().unwrap()
    }

    fn estate() -> Estate {
        Estate::new(now())
            .group("admins", &[ADMINISTRATOR_ACCESS, "arn:aws:iam::aws:policy/IAMFullAccess"])
            .group("developers", &["arn:aws:iam::aws:policy/PowerUserAccess"])
            .user("other")
            .key(age_days(3))
            .user("alice")
            .path("/people/")
            .tag("owner", "alice@example.com")
            .member_of("admins")
            .member_of("developers")
            .attached("arn:aws:iam::aws:policy/ReadOnlyAccess")
            .password(age_days(30))
            .key(age_days(100))
            .used(age_hours(1), "s3")
            .key(age_days(200))
            .inactive_since(age_days(20))
    }

    fn alice() -> UserName {
        "alice".parse().unwrap()
    }

    async fn read<R: ReadIam>(reader: &R) -> User {
        read_user(reader, &alice(), now()).await.unwrap().unwrap()
    }

    /// The id of alice's key that is in use.
    fn key_in_use() -> String {
        estate().find("alice").unwrap().keys[0].key.id.to_string()
    }

    #[tokio::test]
    async fn a_user_is_read_completely_however_small_the_pages() {
        let truth = estate().snapshot().users.into_values().find(|user| user.name == alice()).unwrap();
        assert_eq!(read(&FakeIam::new(estate())).await, truth);
        assert_eq!(read(&FakeIam::new(estate()).page_size(1)).await, truth);
    }

    #[tokio::test]
    async fn no_such_user_is_an_answer() {
        let iam = FakeIam::new(estate().without("alice"));
        assert_eq!(read_user(&iam, &alice(), now()).await.unwrap(), None);
    }

    #[tokio::test]
    async fn a_last_use_that_could_not_be_read_is_unread_and_not_never() {
        for (failure, reason) in [(Failure::Throttled, GapReason::Throttled), (Failure::Denied, GapReason::Denied)] {
            let key = key_in_use();
            let iam = Failing::new(FakeIam::new(estate())).fail(Action::GetAccessKeyLastUsed, &key, failure);
            let AccessKeys::Live(keys) = read(&iam).await.access_keys else { panic!("the keys are known") };
            for read in keys {
                match read.last_use {
                    LastUse::Unread(gap) => assert_eq!((read.id.as_str(), gap.reason), (key.as_str(), reason)),
                    other => assert_eq!((read.id.as_str() == key, other), (false, LastUse::Never)),
                }
            }
        }
    }

    #[tokio::test]
    async fn a_last_use_in_the_future_is_implausible() {
        let mut estate = estate();
        estate.find_mut("alice").keys[0].key.last_use =
            LastUse::At { at: now() + age_hours(1), service: "s3".to_owned(), region: "us-east-1".to_owned() };
        let AccessKeys::Live(keys) = read(&FakeIam::new(estate)).await.access_keys else {
            panic!("the keys are known")
        };
        let key = keys.iter().find(|key| key.id.as_str() == key_in_use()).unwrap();
        assert!(matches!(&key.last_use, LastUse::Unread(gap) if gap.reason == GapReason::Implausible));
    }

    #[tokio::test]
    async fn keys_and_password_that_could_not_be_read_are_gaps() {
        let iam = Failing::new(FakeIam::new(estate())).fail(Action::ListAccessKeys, "alice", Failure::Throttled).fail(
            Action::GetLoginProfile,
            "alice",
            Failure::Denied,
        );
        let user = read(&iam).await;
        assert!(matches!(user.access_keys, AccessKeys::Unread(gap) if gap.reason == GapReason::Throttled));
        assert!(matches!(user.console_password, Known::No(gap) if gap.reason == GapReason::Denied));
    }

    #[tokio::test]
    async fn without_what_chooses_the_class_nothing_is_said_of_the_user() {
        for (action, about) in [
            (Action::GetUser, "alice"),
            (Action::ListGroupsForUser, "alice"),
            (Action::ListAttachedUserPolicies, "alice"),
            (Action::ListAttachedGroupPolicies, "admins"),
        ] {
            let iam = Failing::new(FakeIam::new(estate())).fail(action, about, Failure::Throttled);
            let error = read_user(&iam, &alice(), now()).await.unwrap_err();
            assert_eq!(error.failure, Failure::Throttled, "{action}");
        }
    }

    #[tokio::test]
    async fn a_user_is_found_by_its_id_on_whatever_page() {
        let estate = estate();
        let id = estate.find("alice").unwrap().id().clone();
        let iam = FakeIam::new(estate).page_size(1);
        assert_eq!(find_user_by_id(&iam, &id).await.unwrap(), Some(alice()));
        iam.change(|estate| *estate = estate.clone().without("alice").user("alice"));
        assert_eq!(find_user_by_id(&iam, &id).await.unwrap(), None, "the new alice is somebody else");
    }

    #[tokio::test]
    async fn a_list_cut_short_does_not_say_that_a_user_is_gone() {
        let estate = estate();
        let id = estate.find("alice").unwrap().id().clone();
        let iam = Failing::new(FakeIam::new(estate).page_size(1)).fail_after(1, Action::ListUsers, Failure::Throttled);
        assert_eq!(find_user_by_id(&iam, &id).await.unwrap_err().failure, Failure::Throttled);
    }
}
