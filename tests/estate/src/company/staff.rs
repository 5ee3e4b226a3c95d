//! People: they sign in to the console, and some of them hold keys.

use super::{Company, Fate};
use crate::estate::{Estate, age_days, age_hours};

/// Signs in, and holds no key.
const WITHOUT_KEYS: [(&str, &str, i64); 12] = [
    ("amelie.durand", "developers", 3),
    ("ben.okafor", "developers", 5),
    ("carmen.ruiz", "billing", 30),
    ("dmitri.volkov", "developers", 2),
    ("esra.yilmaz", "developers", 9),
    ("farah.haddad", "billing", 47),
    ("george.papadakis", "developers", 1),
    ("hana.novakova", "developers", 6),
    ("ingrid.larsen", "billing", 120),
    ("jamal.idris", "developers", 4),
    ("keiko.tanaka", "developers", 8),
    ("liam.oconnor", "developers", 15),
];

/// Signs in, and holds a key of that many days that is used daily.
const WITH_FRESH_KEYS: [(&str, i64); 8] = [
    ("maria.silva", 12),
    ("nikhil.rao", 25),
    ("olga.petrova", 31),
    ("pavel.dvorak", 40),
    ("quentin.moreau", 48),
    ("rosa.jimenez", 57),
    ("sven.lindqvist", 63),
    ("tariq.aziz", 70),
];

pub(super) fn join(mut company: Company) -> Company {
    for (name, group, days) in WITHOUT_KEYS {
        company = company.with("a person without a key", Fate::NotReported, |estate| {
            person(estate, name).member_of(group).signed_in(age_days(days))
        });
    }
    for (name, days) in WITH_FRESH_KEYS {
        company = company.with("a person whose key is young", Fate::Fine, |estate| {
            person(estate, name)
                .member_of("developers")
                .signed_in(age_days(1))
                .key(age_days(days))
                .used(age_hours(20), "s3")
        });
    }
    company
        .with("a person whose key is too old and long silent", Fate::Deactivated(&[0]), |estate| {
            person(estate, "ursula.meier")
                .member_of("developers")
                .signed_in(age_days(2))
                .key(age_days(140))
                .used(age_days(60), "ec2")
        })
        .with("an administrator by the policy attached directly", Fate::Deactivated(&[0]), |estate| {
            person(estate, "victor.admin")
                .attached(crate::estate::ADMINISTRATOR_ACCESS)
                .signed_in(age_days(1))
                .key(age_days(160))
                .used(age_days(33), "iam")
        })
        .with("an administrator by a group", Fate::Deactivated(&[0]), |estate| {
            person(estate, "wanda.admin").member_of("admins").signed_in(age_days(3)).key(age_days(130))
        })
        .with("an administrator by a group, whose key is young", Fate::Fine, |estate| {
            person(estate, "xavier.admin").member_of("admins").signed_in(age_days(1)).key(age_days(9))
        })
        .with(
            "a contractor who left: key and password are old, neither was used for long",
            Fate::Deactivated(&[0]),
            |estate| {
                estate
                    .user("contractor-yusuf")
                    .path("/contractors/")
                    .tag("owner", "vendor-desk@example.com")
                    .member_of("contractors")
                    .password(age_days(300))
                    .signed_in(age_days(210))
                    .key(age_days(295))
                    .used(age_days(208), "s3")
            },
        )
        .with("a contractor whose key is young", Fate::Fine, |estate| {
            estate
                .user("contractor-zoe")
                .path("/contractors/")
                .tag("owner", "vendor-desk@example.com")
                .member_of("contractors")
                .boundary("arn:aws:iam::123456789012:policy/ContractorBoundary")
                .key(age_days(20))
                .used(age_hours(30), "s3")
        })
}

fn person(estate: Estate, name: &str) -> Estate {
    estate.user(name).tag("owner", &format!("{name}@example.com")).password(age_days(350))
}
