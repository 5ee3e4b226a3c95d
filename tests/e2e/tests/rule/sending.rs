//! What AWS Config is sent, and what it bills.

use std::collections::BTreeMap;

use anyhow::Result;
use credwarden_e2e::rule::{
    DAY, FIRST_DAY, HOUR, RULE, all_is_well, deployed, evaluate, evaluate_in_vain, expected, failure, keys, options,
    passes, report, sent_since, switch_key, verdicts,
};
use credwarden_estate::estate::{Estate, age_days};
use credwarden_sandbox::config::Compliance::{Compliant, NonCompliant};
use serde_json::json;

const OLD: [&str; 2] = ["old-1", "old-2"];
const YOUNG: usize = 12;
const DAYS: usize = 31;

#[tokio::test]
async fn an_unchanged_compliant_result_is_not_billed_twice() -> Result<()> {
    let mut estate = Estate::new(FIRST_DAY).user("soon-warned").key(age_days(51));
    for user in OLD {
        estate = estate.user(user).key(age_days(100));
    }
    for number in 0..YOUNG {
        estate = estate.user(&format!("young-{number:02}")).key(age_days(5));
    }
    let sandbox = deployed(options(), &estate).await?;
    let mut days: Vec<BTreeMap<String, usize>> = Vec::new();
    let mut billed = 0;
    for _ in 0..DAYS {
        let begun = sandbox.calls().len();
        evaluate(&sandbox).await?;
        let mut today = BTreeMap::new();
        for sent in sent_since(&sandbox, begun) {
            *today.entry(sent.user).or_default() += 1;
        }
        let total = sandbox.billed_evaluations();
        assert_eq!(total - billed, today.values().sum::<usize>() as u64, "what is sent is billed, and nothing else");
        billed = total;
        days.push(today);
        sandbox.advance(DAY).await?;
    }

    let times = |user: &str| days.iter().filter_map(|day| day.get(user)).sum::<usize>();
    assert!(OLD.iter().all(|user| times(user) == DAYS), "remediation lives on every NON_COMPLIANT: {days:?}");
    for number in 0..YOUNG {
        let user = format!("young-{number:02}");
        assert_eq!(times(&user), 2, "`{user}` is sent on the first day and once in the thirty after it: {days:?}");
    }
    let of_young = |day: &BTreeMap<String, usize>| day.keys().filter(|user| user.starts_with("young")).count();
    let most = days.iter().skip(1).map(of_young).max().unwrap_or_default();
    assert!(most <= 4, "not everything is sent again on one day: {days:?}");
    assert!(days[25].contains_key("soon-warned"), "a changed annotation is sent at once: {days:?}");
    assert!(matches!(times("soon-warned"), 2 | 3), "and then no more: {days:?}");
    let row = sandbox.compliance_of(RULE, "soon-warned").map(|row| row.annotation).unwrap_or_default();
    assert_eq!(row, format!("{} must be replaced by 2027-01-02", keys(&estate, "soon-warned").concat()));
    all_is_well(&sandbox).await
}

#[tokio::test]
async fn a_test_sends_everything_and_leaves_nothing_behind() -> Result<()> {
    let estate = Estate::new(FIRST_DAY).user("old").key(age_days(100)).user("young").key(age_days(3)).user("no-keys");
    let sandbox = deployed(options(), &estate).await?;
    let begun = sandbox.calls().len();
    report(&sandbox.evaluate_in_test_mode(RULE).await?)?;
    assert!(sandbox.ledger().await?.is_empty() && sandbox.compliance(RULE).is_empty());

    evaluate(&sandbox).await?;
    let (ledger, results, billed) = (sandbox.ledger().await?, sandbox.compliance(RULE), sandbox.billed_evaluations());
    let between = sandbox.calls().len();
    sandbox.advance(HOUR).await?;
    let said = report(&sandbox.evaluate_in_test_mode(RULE).await?)?;
    assert_eq!((&said["testMode"], &said["nonCompliant"]), (&json!(true), &json!(1)));
    let all = |from| {
        let sent = sent_since(&sandbox, from).into_iter().filter(|sent| sent.is_test);
        sent.map(|sent| (sent.user, sent.compliance)).collect::<Vec<_>>()
    };
    let whole = [("old", "NON_COMPLIANT"), ("young", "COMPLIANT"), ("no-keys", "NOT_APPLICABLE")];
    let whole: Vec<_> = whole.map(|(user, said)| (user.to_owned(), said.to_owned())).into();
    assert_eq!(all(between), whole, "unchanged ones too");
    assert_eq!(all(begun), [whole.clone(), whole].concat());
    assert_eq!(sandbox.ledger().await?, ledger);
    assert_eq!(sandbox.compliance(RULE), results);
    assert_eq!(sandbox.billed_evaluations(), billed);
    all_is_well(&sandbox).await
}

#[tokio::test]
async fn failed_evaluations_are_sent_again_then_surfaced() -> Result<()> {
    let estate =
        (0..3).fold(Estate::new(FIRST_DAY), |estate, number| estate.user(&format!("user-{number}")).key(age_days(100)));
    let id = |user: &str| estate.find(user).map(|user| user.id().to_string()).unwrap_or_default();
    let sandbox = deployed(options(), &estate).await?;
    sandbox.config().fail_evaluations(&id("user-1"), 2);
    evaluate(&sandbox).await?;
    let all = expected(&[("user-0", NonCompliant), ("user-1", NonCompliant), ("user-2", NonCompliant)]);
    assert_eq!(verdicts(&sandbox), all);
    assert_eq!(sandbox.billed_evaluations(), 3, "what was taken is not sent again");

    for user in ["user-0", "user-1"] {
        switch_key(&sandbox, &estate, user, "Inactive").await?;
    }
    let remembered = passes(&sandbox).await?;
    sandbox.config().fail_evaluations(&id("user-1"), 100);
    let error = evaluate_in_vain(&sandbox).await?;
    assert_eq!(error.kind, "EvaluationsNotAccepted");
    assert!(error.message.contains(RULE) && error.message.contains(&id("user-1")), "{}", error.message);
    assert!(!error.message.contains(&id("user-0")), "{}", error.message);
    let mut taken = all.clone();
    taken.insert("user-0".to_owned(), Compliant);
    assert_eq!(verdicts(&sandbox), taken);
    assert_eq!(passes(&sandbox).await?, remembered, "what was not accepted is no complete pass");

    sandbox.config().fail_evaluations(&id("user-1"), 0);
    evaluate(&sandbox).await?;
    taken.insert("user-1".to_owned(), Compliant);
    assert_eq!(verdicts(&sandbox), taken);
    all_is_well(&sandbox).await
}

#[tokio::test]
async fn a_token_of_yesterday_reports_nothing_and_says_so() -> Result<()> {
    let estate = Estate::new(FIRST_DAY).user("old").key(age_days(100));
    let sandbox = deployed(options(), &estate).await?;
    for begun in sandbox.config().begin(RULE, sandbox.now())? {
        sandbox.config().ended(&begun);
        let error = failure(&sandbox.invoke(RULE, &begun.event).await?)?;
        assert_eq!(error.kind, "EvaluationsNotAccepted");
        assert!(error.message.contains("InvalidResultToken") && !error.message.contains(&begun.token));
    }
    assert!(sandbox.compliance(RULE).is_empty());
    assert_eq!(passes(&sandbox).await?, json!(null));
    all_is_well(&sandbox).await
}
