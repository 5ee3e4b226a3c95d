//! The seed of the sandbox's emulator.

#[cfg(test)]
mod seed {
    use credwarden_estate::estate::{ADMINISTRATOR_ACCESS, Estate, age_days, age_hours};
    use credwarden_estate::seed::Seed;

    #[test]
    fn a_seed_is_the_whole_account_in_seconds_since_1970() {
        let estate = Estate::new("2026-09-21T13:46:40Z".parse().unwrap())
            .group("admins", &[ADMINISTRATOR_ACCESS])
            .user("alice")
            .tag("owner", "alice@example.com")
            .member_of("admins")
            .password(age_days(100))
            .key(age_days(91))
            .used(age_hours(1), "s3")
            .key(age_days(200))
            .inactive_since(age_days(2));
        insta::assert_json_snapshot!(Seed::from(&estate));
    }
}
