//! Machines: service accounts and continuous integration.

use super::{Company, Fate};
use crate::estate::{Estate, age_days, age_hours};

/// A service whose key, of that many days, is used all the time.
const WITH_FRESH_KEYS: [(&str, &str, i64); 8] = [
    ("svc-backup", "s3", 5),
    ("svc-billing-export", "s3", 18),
    ("svc-image-resizer", "s3", 27),
    ("svc-ledger", "dynamodb", 35),
    ("svc-mailer", "ses", 44),
    ("svc-metrics", "monitoring", 52),
    ("svc-queue-worker", "sqs", 61),
    ("svc-search-index", "es", 74),
];

pub(super) fn join(mut company: Company) -> Company {
    for (name, of, days) in WITH_FRESH_KEYS {
        company = company.with("a service whose key is young and in use", Fate::Fine, |estate| {
            service(estate, name).key(age_days(days)).used(age_hours(2), of)
        });
    }
    company
        .with("a pipeline whose key is too old and in use every hour", Fate::Held(&[0]), |estate| {
            service(estate, "ci-release").path("/ci/").key(age_days(210)).used(age_hours(1), "sts")
        })
        .with("a pipeline that was switched off last month", Fate::Deactivated(&[0]), |estate| {
            service(estate, "ci-nightly-legacy").path("/ci/").key(age_days(410)).used(age_days(29), "ecr")
        })
        .with("a rotation under way: the old key is silent, the new one is used", Fate::Deactivated(&[0]), |estate| {
            service(estate, "svc-reporting")
                .key(age_days(115))
                .used(age_days(20), "s3")
                .key(age_days(21))
                .used(age_hours(1), "s3")
        })
        .with("a service kept up from its first day in 2014, its key never used", Fate::Deactivated(&[0]), |estate| {
            service(estate, "svc-legacy-sync").created(age_days(4500)).key(age_days(4500))
        })
}

fn service(estate: Estate, name: &str) -> Estate {
    estate.user(name).tag("owner", "platform-team@example.com").tag("service", name)
}
