use std::collections::BTreeSet;

use credwarden_config_rule::{Compliance::Compliant, EvaluationError};

use crate::{
    memory::Memory,
    scripted::{Scripted, chain, compliant, invoke, non_compliant, user, users},
};

fn judging(count: usize) -> Scripted {
    Scripted::complete(users(count).into_iter().map(|user| (user, compliant(""))))
}

#[tokio::test]
async fn evaluations_go_in_batches_of_at_most_100() {
    let check = async |count: usize, expected: &[usize]| {
        let service = Memory::default();
        let report = invoke(&judging(count), &service).await.unwrap();
        assert_eq!(service.batch_sizes(), expected);
        assert_eq!((report.sent, service.stored_ids().len()), (count, count));
    };
    check(1, &[1]).await;
    check(99, &[99]).await;
    check(100, &[100]).await;
    check(101, &[100, 1]).await;
    check(200, &[100, 100]).await;
    check(201, &[100, 100, 1]).await;
}

#[tokio::test]
async fn with_nothing_to_report_an_empty_batch_ends_the_evaluation() {
    let service = Memory::default();
    invoke(&judging(0), &service).await.unwrap();
    assert_eq!(service.batch_sizes(), [0]);
}

#[tokio::test]
async fn an_empty_batch_that_is_refused_is_an_error() {
    let service = Memory { refused_puts: [0].into(), ..Memory::default() };
    let error = invoke(&judging(0), &service).await.unwrap_err();
    assert_eq!(
        chain(&error),
        "failed to report on rule `periodic-rule`: AWS Config did not accept 0 of 0 evaluations: \
         there was nothing to report, but not even that was accepted: InternalError"
    );
}

#[tokio::test(start_paused = true)]
async fn only_failed_evaluations_are_sent_again() {
    let service = Memory::default();
    service.failing.borrow_mut().extend([(user("AIDA0007"), 2), (user("AIDA0150"), 1)]);
    invoke(&judging(201), &service).await.unwrap();
    assert_eq!(service.batch_sizes(), [100, 100, 1, 2, 1]);
    assert_eq!(service.puts.borrow()[4].evaluations[0].resource, user("AIDA0007"));
    assert_eq!(service.stored_ids().len(), 201);
}

#[tokio::test(start_paused = true)]
async fn evaluations_that_keep_failing_are_named_after_five_attempts() {
    let service = Memory::default();
    service.failing.borrow_mut().extend([(user("AIDA0001"), usize::MAX), (user("AIDA0002"), 4)]);
    let rule = judging(3);
    let error = invoke(&rule, &service).await.unwrap_err();
    assert_eq!(service.batch_sizes(), [3, 2, 2, 2, 2]);
    assert_eq!(service.stored_ids(), ["AIDA0000", "AIDA0002"]);
    assert_eq!(
        chain(&error),
        "failed to report on rule `periodic-rule`: AWS Config did not accept 1 of 3 evaluations: \
         AWS::IAM::User AIDA0001"
    );
    assert!(rule.remembered.borrow().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_failed_evaluation_that_was_never_sent_is_named_too() {
    let service = Memory { failing_unasked: Some(user("OTHER")), ..Memory::default() };
    service.failing.borrow_mut().insert(user("AIDA0000"), 1);
    let error = invoke(&judging(2), &service).await.unwrap_err();
    assert_eq!(service.batch_sizes(), [2, 1]);
    assert_eq!(
        chain(&error),
        "failed to report on rule `periodic-rule`: AWS Config did not accept 1 of 2 evaluations: AWS::IAM::User OTHER"
    );
}

#[tokio::test]
async fn a_batch_that_fails_keeps_no_other_back_and_is_named_with_its_cause() {
    let service = Memory { refused_puts: [0].into(), ..Memory::default() };
    let error = invoke(&judging(101), &service).await.unwrap_err();
    assert_eq!(service.batch_sizes(), [100, 1]);
    assert_eq!(service.stored_ids(), ["AIDA0100"]);
    let text = chain(&error);
    assert!(text.starts_with(
        "failed to report on rule `periodic-rule`: AWS Config did not accept 100 of 101 evaluations: AWS::IAM::User AIDA0000, "
    ));
    assert!(text.ends_with(", AWS::IAM::User AIDA0049, +50 more: InternalError"), "{text}");
    let EvaluationError::NotAccepted { source, .. } = error else { panic!("{error:?}") };
    assert_eq!(source.resources, users(100).into_iter().collect::<BTreeSet<_>>());
}

#[tokio::test]
async fn the_non_compliant_are_reported_first() {
    let service = Memory { refused_puts: [1].into(), ..Memory::default() };
    let mut judgements: Vec<_> = users(100).into_iter().map(|user| (user, compliant(""))).collect();
    judgements.push((user("ZZZ"), non_compliant("why")));
    invoke(&Scripted::complete(judgements), &service).await.unwrap_err();
    assert_eq!(service.stored_ids().len(), 100);
    assert!(service.stored_ids().contains(&"ZZZ".to_owned()));
    assert_eq!(service.take_sent()[1].1, Compliant);
}
